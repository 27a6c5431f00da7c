"""A phone without a phone: a real adbd and a real benchmark_model on this Linux machine.

`start()` gives running phones, `AdbServer` a private server that knows them, `build()` the image
that both come from. `python -m tests.phone.loopback` does the same from a shell.
"""

from .adb_server import AdbServer, adb_binary
from .host import LoopbackError, abi, obstacle
from .image import Image, build
from .persona import Persona, names
from .phone import Phone, running, start, stop
from .processes import Process

__all__ = [
    "AdbServer",
    "Image",
    "LoopbackError",
    "Persona",
    "Phone",
    "Process",
    "abi",
    "adb_binary",
    "build",
    "names",
    "obstacle",
    "running",
    "start",
    "stop",
]
