"""Read a file from disk, and say what it seems to be where it is no .tflite."""

from __future__ import annotations

from pathlib import Path

from bench.errors import ModelError

_ARCHIVE = "unpack it and give the .tflite inside"
_AGAIN = "copy or build it again"
_CONVERT = "convert it to .tflite first"
_SOURCE = "name it with its own suffix to use it as a source model, or convert it to .tflite"
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the file with 'git lfs pull'"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (.h5, Keras 2)", _SOURCE),
    (b"\x1f\x8b", "a gzip archive", _ARCHIVE),
    (b"BZh", "a bzip2 archive", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _ARCHIVE),
    (b"GGUF", "a GGUF file", "TFLite runtimes cannot read it; convert the source model"),
    (b"LITERTLM", "a LiteRT-LM bundle", "give the .tflite inside"),
    (b"\x93NUMPY", "a NumPy array (.npy)", "give the model, not its data"),
    (b"\x80\x02", "a Python pickle (PyTorch?)", _CONVERT),
    (b"\x7fELF", "a program or library", "give the .tflite file"),
)


def read(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        ModelError: it is missing, a folder, no regular file, unreadable or empty.
    """
    if path.is_dir():
        kind = "a SavedModel folder" if (path / "saved_model.pb").exists() else "a folder"
        raise ModelError(f"{path} is {kind}", hint="give the .tflite file itself")
    if not path.exists():
        raise ModelError(f"{path} does not exist", hint="check the path of the .tflite file")
    if not path.is_file():
        raise ModelError(f"{path} is not a regular file", hint="give a .tflite file on disk")
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise ModelError(
            f"{path} cannot be read ({fault.strerror})", hint="check the file's permissions"
        ) from fault
    if not content:
        raise ModelError(f"{path} is empty", hint="copy or build it again")
    return content


def looks_like(content: bytes, path: Path) -> tuple[str, str]:
    """What a file that is no .tflite seems to be, and what to do about it."""
    for magic, kind, hint in _KINDS:
        if content.startswith(magic):
            return kind, hint
    return _zip(content, path) or _text(content) or _protobuf(content, path) or _nothing(content)


def _zip(content: bytes, path: Path) -> tuple[str, str] | None:
    if not content.startswith(b"PK\x03\x04"):
        return None
    if path.suffix == ".keras" or b"model.weights.h5" in content:
        return "a Keras 3 model (.keras)", _SOURCE
    return "a zip archive", _ARCHIVE


def _text(content: bytes) -> tuple[str, str] | None:
    head = content[:512].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page", "download the file itself (its 'raw' link)"
    if content[:64].decode("latin-1").replace("\n", "").isprintable() and content.isascii():
        return "a text file", "give the .tflite file"
    return None


def _protobuf(content: bytes, path: Path) -> tuple[str, str] | None:
    # Field 1 of ONNX is a number (ir_version), then strings; that of a frozen graph is a node.
    if path.suffix == ".onnx" or (content[:1] == b"\x08" and b"onnx" in content[:4096].lower()):
        return "an ONNX model", _CONVERT
    if path.suffix == ".pb" or content[:1] == b"\x0a" or content[:3] == b"\x08\x01\x12":
        return "a protocol buffer (SavedModel or frozen graph)", _CONVERT
    return None


def _nothing(content: bytes) -> tuple[str, str]:
    if not any(content):
        return "nothing but zero bytes", _AGAIN
    if len(content) < 8:
        return f"only {len(content)} bytes", _AGAIN
    return "of a format unknown here", "give a .tflite file ('TFL3' at its fifth byte)"
