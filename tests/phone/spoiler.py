"""A wrapper of the real benchmark_model that spoils its outputs, in any way that numpy can.

The wrapper runs on the phone: it starts the real tool with the same words, then waits until the
host has changed the file that ``--output_filepath`` names, which it reaches as a file of its own.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np

from tests.phone.loopback import Phone

FOLDER = "/data/local/tmp/spoiler"
WRAPPER = f"""#!/system/bin/sh
out=
for word in "$@"; do
    case $word in --output_filepath=*) out=${{word#*=}} ;; esac
done
{FOLDER}/real "$@"
code=$?
if [ -n "$out" ] && [ $code = 0 ]; then
    echo "$out" > {FOLDER}/asked.new
    mv {FOLDER}/asked.new {FOLDER}/asked
    while [ -e {FOLDER}/asked ]; do sleep 0.02; done
fi
exit $code
"""

Spoil = Callable[[Path], None]
"""Changes a file of outputs in place."""


class Spoiler:
    """The wrapper's other side, as a context manager.

    Args:
        phone: that it runs on.
        real: the real tool.
        spoil: called with each file of outputs.
        folder: of this machine, for the wrapper.
    """

    def __init__(self, phone: Phone, real: Path, spoil: Spoil, folder: Path) -> None:
        self._there = phone.path(FOLDER)
        self._spoil = spoil
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.fault: BaseException | None = None
        self.tool = folder / "wrapped_benchmark_model"
        self.tool.write_text(WRAPPER)
        self._there.mkdir()
        self._there.chmod(0o777)
        shutil.copy2(real, self._there / "real")
        (self._there / "real").chmod(0o755)
        self._phone = phone

    def __enter__(self) -> Spoiler:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self.fault is not None:
            raise self.fault

    def _serve(self) -> None:
        asked = self._there / "asked"
        while not self._stop.wait(0.01):
            if not asked.exists():
                continue
            try:
                self._spoil(self._phone.path(asked.read_text().strip()))
            except BaseException as fault:
                self.fault = fault  # raised where the test ends
            asked.unlink()


def as_array(change: Callable[[np.ndarray], np.ndarray], dtype: str, width: int) -> Spoil:
    """A change of outputs (samples, width) as one of their file."""

    def spoil(path: Path) -> None:
        values = np.fromfile(path, dtype).reshape(-1, width)
        changed = np.ascontiguousarray(change(values.copy()))
        path.write_bytes(changed.astype(dtype).tobytes())

    return spoil
