"""The benchmark_model binary: found, held against a phone's ABI, fetched."""

from __future__ import annotations

import http.server
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.benchmark_model import binary
from bench.errors import TargetError

AARCH64, ARM, X86_64 = 183, 40, 62


def elf(machine: int, bits: int = 64, kind: int = 3) -> bytes:
    """The header of a program with no segments."""
    size = 64 if bits == 64 else 52
    word = "Q" if bits == 64 else "I"
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1, 1]) + bytes(9)
    rest = struct.pack(
        f"<HHI{word}{word}{word}IHHHHHH", kind, machine, 1, 0, 0, 0, 0, size, 0, 0, 0, 0, 0
    )
    return (ident + rest).ljust(size, b"\0")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(binary.VARIABLE, raising=False)
    monkeypatch.setattr(binary, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    path = tmp_path / "benchmark_model"
    path.write_bytes(elf(AARCH64))
    return path


def test_a_given_path_comes_before_the_variable(
    tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.write_bytes(elf(AARCH64) + b"x")
    monkeypatch.setenv(binary.VARIABLE, str(other))
    assert binary.find(tool, ["arm64-v8a"]).path == tool
    assert binary.find(None, ["arm64-v8a"]).path == other


def test_the_cache_is_looked_through_in_the_phones_order(cache: Path) -> None:
    for abi, machine, bits in (("armeabi-v7a", ARM, 32), ("arm64-v8a", AARCH64, 64)):
        folder = cache / "tflite-nightly" / abi
        folder.mkdir(parents=True)
        (folder / "benchmark_model").write_bytes(elf(machine, bits))
    found = binary.find(None, ["arm64-v8a", "armeabi-v7a"])
    assert found.path.parent.name == "arm64-v8a"


def test_no_tool_names_every_cure() -> None:
    with pytest.raises(TargetError) as caught:
        binary.find(None, ["arm64-v8a"])
    for cure in ("doctor --fetch", "--benchmark-model", binary.VARIABLE):
        assert cure in caught.value.hint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (elf(X86_64), "built for x86_64, the phone runs arm64-v8a, armeabi-v7a"),
        (elf(AARCH64, kind=1), "a part of a program"),
        (b"", "not a program"),
        (b"\x7fELF", "not a program"),
        (b"PK\x03\x04 an app", "not a program"),
    ],
)
def test_what_does_not_fit_is_refused(tool: Path, content: bytes, said: str) -> None:
    tool.write_bytes(content)
    with pytest.raises(TargetError, match=said):
        binary.inspect(tool, ["arm64-v8a", "armeabi-v7a"])


def test_a_32_bit_tool_runs_on_a_phone_that_has_both(tool: Path) -> None:
    tool.write_bytes(elf(ARM, 32))
    assert binary.inspect(tool, ["arm64-v8a", "armeabi-v7a"]).version is None


def test_a_library_is_no_tool() -> None:
    """A real one that this process has loaded; what Android calls libtensorflowlite.so is such."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("needs Linux")
    mapped = {Path(line.split()[-1]) for line in maps.read_text().splitlines() if ".so" in line}
    found = [path for path in mapped if path.name.startswith(("libm.so", "libm-", "libz.so"))]
    for path in found:
        with pytest.raises(TargetError, match=r"is a library.*libraries=FILE"):
            binary.inspect(path, ())
    assert found


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.999])
def test_a_download_that_was_cut_is_told(tool: Path, kept: float) -> None:
    """A real program of this machine, of which a part is missing."""
    shell = Path("/bin/sh")
    if not shell.exists() or shell.read_bytes()[:4] != b"\x7fELF":
        pytest.skip("needs programs in ELF")
    whole = shell.read_bytes()
    tool.write_bytes(whole)
    binary.inspect(tool, ())
    tool.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(TargetError, match=r"is cut short: \d+ bytes lack"):
        binary.inspect(tool, ())


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cannot read"):
        binary.inspect(tmp_path / "none", ["arm64-v8a"])


def test_published_addresses() -> None:
    assert binary.address("arm64-v8a").endswith("/latest/android_aarch64_benchmark_model")
    assert binary.address("arm64-v8a", "litert-2.1.5").endswith(
        "/litert/binaries/2.1.5/android_arm64/benchmark_model"
    )
    for abi in binary.TFLITE_FILES:
        assert binary.address(abi).startswith("https://storage.googleapis.com/")
    for abi, version in (("x86", "tflite-nightly"), ("arm64-v8a", "1.0"), ("x86", "litert-2.1")):
        with pytest.raises(TargetError, match="published"):
            binary.address(abi, version)
    with pytest.raises(TargetError, match="published"):
        binary.address("arm64-v8a", "litert-../../x")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A server in the place of the published one: path to content."""
    contents: dict[str, bytes] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = contents.get(self.path)
            self.send_response(200 if content is not None else 404)
            promised = int(contents.get("promise", str(len(content or b""))))
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(binary, "TFLITE", f"http://127.0.0.1:{server.server_port}")
    yield contents
    server.shutdown()
    server.server_close()


NIGHTLY = "/tools/nightly/latest/android_aarch64_benchmark_model"


def test_a_fetched_tool_is_whole_and_recorded(served: dict[str, bytes], cache: Path) -> None:
    served[NIGHTLY] = elf(AARCH64) + b"x" * 10**6
    said: list[str] = []
    fetched = binary.fetch("arm64-v8a", "tflite-nightly", said.append)
    assert fetched.path.read_bytes() == served[NIGHTLY]
    assert fetched.version == "tflite-nightly"
    assert fetched.path.stat().st_mode & 0o111
    assert any("1.0" in words for words in said)
    assert binary.find(None, ["arm64-v8a"]) == fetched
    fetched.path.write_bytes(elf(AARCH64))
    assert binary.find(None, ["arm64-v8a"]).version is None


@pytest.mark.parametrize("content", [None, elf(X86_64), b"<html>not here</html>"])
def test_what_is_not_the_tool_leaves_the_cache_as_it_was(
    served: dict[str, bytes], cache: Path, content: bytes | None
) -> None:
    if content is not None:
        served[NIGHTLY] = content
    with pytest.raises(TargetError):
        binary.fetch("arm64-v8a", "tflite-nightly", lambda words: None)
    assert not list(cache.rglob("benchmark_model"))


def test_a_download_that_breaks_off_is_not_kept(served: dict[str, bytes], cache: Path) -> None:
    served[NIGHTLY] = elf(AARCH64)
    served["promise"] = b"5000"
    with pytest.raises(TargetError, match="cannot fetch"):
        binary.fetch("arm64-v8a", "tflite-nightly", lambda words: None)
    assert not list(cache.rglob("benchmark_model"))


def test_without_a_network_the_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary, "TFLITE", "http://127.0.0.1:1")
    with pytest.raises(TargetError) as caught:
        binary.fetch("arm64-v8a", "tflite-nightly", lambda words: None)
    assert f"http://127.0.0.1:1{NIGHTLY}" in caught.value.message
    assert "--benchmark-model" in caught.value.hint
