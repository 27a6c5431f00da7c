"""Users' code as a type checker sees it: checked by mypy, and run by tests/unit/test_typing.py."""
