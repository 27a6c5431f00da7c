"""A worker that does what its arguments or its jobs say, for tests of the harness's side."""

# ruff: noqa: T201  # what a worker prints is its answer

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any


def main() -> None:
    """Do what the arguments say, or one job a line until standard input ends."""
    if sys.argv[1:]:
        act({"then": sys.argv[2]})
        return
    for line in sys.stdin:
        act(json.loads(line))


def act(job: dict[str, Any]) -> None:
    """Print, then answer, die, exit, sleep, leave a torn line or refuse to end."""
    for text in job.get("print", ()):
        print(text, flush=True)
    print("its own words", file=sys.stderr, flush=True)
    match job.get("then"):
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(60)
        case "hear nothing":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print(json.dumps({"answer": "as you say"}), flush=True)
        case "tear":
            sys.stdout.write('{"answer": {"a')
            sys.stdout.flush()
            os._exit(3)
        case "pid":
            print(json.dumps({"answer": os.getpid()}), flush=True)
        case then:
            print(json.dumps({"answer": then}), flush=True)


if __name__ == "__main__":
    main()
