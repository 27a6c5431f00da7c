"""Values to JSON and back: strictly, each field by its declared type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def encode(value: Any, *, indent: int = 0) -> bytes:
    """A value as JSON: dataclasses by their fields, paths as text, NaN as null.

    Args:
        value: of dataclasses, mappings, sequences, numbers, texts and paths.
        indent: spaces per level; 0 is one line.

    Raises:
        TypeError: something in it is of another type.
        ValueError: a text in it is no Unicode.
    """
    import msgspec

    content: bytes = msgspec.json.encode(value, enc_hook=_plain)
    return msgspec.json.format(content, indent=indent) if indent else content


def decode(content: bytes | str, kind: type[T]) -> T:
    """The value of that type that JSON holds.

    Raises:
        ValueError: it is no JSON, or a field is missing or of another type; the message names it.
    """
    import msgspec

    try:
        return msgspec.json.decode(content, type=kind, dec_hook=_special)
    except msgspec.DecodeError as fault:
        raise ValueError(_words(fault)) from fault


def convert(plain: Any, kind: type[T]) -> T:
    """As :func:`decode`, from JSON that is decoded already.

    Raises:
        ValueError: a field is missing or of another type; the message names it.
    """
    import msgspec

    try:
        return msgspec.convert(plain, kind, dec_hook=_special, str_keys=True)
    except msgspec.ValidationError as fault:
        raise ValueError(_words(fault)) from fault


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):  # numpy's own numbers and arrays
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


def _words(fault: Exception) -> str:
    """``Expected `int`, got `str` - at `$.block` `` as ``block: expected int, got str``."""
    text = str(fault).replace("`", "")
    what, _, where = text.partition(" - at $")
    what = what[:1].lower() + what[1:]
    return f"{where.lstrip('.')}: {what}" if where else what


def _special(kind: type, value: Any) -> Any:
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value)
    raise ValueError(f"expected {kind.__name__}, got {type(value).__name__}")
