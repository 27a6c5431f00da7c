"""What all tests share: `--benchmarks` for this project's own cost, left out of a normal run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add this repository's own options."""
    parser.addoption(
        "--benchmarks", action="store_true", help="run the benchmarks of the harness itself"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave benchmarks out unless they are asked for: they time, and take minutes."""
    if config.getoption("--benchmarks"):
        return
    chosen = [item for item in items if "tests/benchmarks" not in item.path.as_posix()]
    left_out = [item for item in items if item not in chosen]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = chosen
