"""A wrapper of the real benchmark_model with the cache flags of newer tools, which 2.14 lacks.

Neither XNNPACK nor a GPU is in the loopback phone's tool, so what is kept is made up, and how much
longer a cold start takes too; every launch, folder and file on the phone is real.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from tests.phone.loopback import Phone

FOLDER = "/data/local/tmp/keeper"
LATER_DIGIT = "9"
"""Put before the figure of a cold start: 90 µs become 990."""

Behaviour = Literal["keeps", "ignores", "rewrites", "crashes when warm", "hangs when warm"]

WRAPPER = f"""#!/system/bin/sh
read -r behaviour < {FOLDER}/behaviour
cache= applied= folder= token=
for word in "$@"; do
    shift
    case $word in
        --help) echo "--xnnpack_weight_cache_file_path= string" >&2 ;;
        --use_xnnpack=true) applied=XNNPACK; continue ;;
        --use_gpu=true) applied=GPU; continue ;;
        --xnnpack_weight_cache_file_path=*) cache=${{word#*=}}; continue ;;
        --delegate_serialize_dir=*) folder=${{word#*=}} ;;
        --delegate_serialize_token=*) token=${{word#*=}} ;;
    esac
    set -- "$@" "$word"
done
if [ -n "$applied" ]; then
    echo "Explicitly applied $applied delegate, and the model graph will be completely" \\
        "executed by the delegate."
fi
if [ -n "$folder" ] && [ -n "$token" ]; then cache=$folder/$token.bin; fi
if [ -n "$cache" ]; then echo "$cache" >> {FOLDER}/seen; fi
if [ -z "$cache" ] || [ -s "$cache" ]; then
    if [ -n "$cache" ] && [ "$behaviour" = rewrites ]; then echo weights > "$cache"; fi
    if [ -n "$cache" ] && [ "$behaviour" = "crashes when warm" ]; then kill -SEGV $$; fi
    if [ -n "$cache" ] && [ "$behaviour" = "hangs when warm" ]; then sleep 60; fi
    exec {FOLDER}/real "$@"
fi
if [ "$behaviour" != ignores ]; then echo weights > "$cache"; fi
{{ {FOLDER}/real "$@"; echo $? > {FOLDER}/code; }} | sed "s/ Init: / Init: {LATER_DIGIT}/"
read -r code < {FOLDER}/code
exit "$code"
"""


def keeper(phone: Phone, real: Path, folder: Path, behaviour: Behaviour = "keeps") -> Path:
    """The wrapper's path on this machine; the real tool lies on the phone.

    Args:
        phone: that it runs on.
        real: the real tool.
        folder: of this machine, for the wrapper.
        behaviour: what it does with a cache.
    """
    there = phone.path(FOLDER)
    there.mkdir()
    there.chmod(0o777)
    shutil.copy2(real, there / "real")
    (there / "real").chmod(0o755)
    (there / "behaviour").write_text(f"{behaviour}\n")
    tool = folder / "keeping_benchmark_model"
    tool.write_text(WRAPPER)
    return tool


def seen(phone: Phone) -> list[str]:
    """The cache of each process that was given one, in order."""
    told = phone.path(f"{FOLDER}/seen")
    return told.read_text().split() if told.exists() else []
