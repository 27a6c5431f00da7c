#!/system/bin/sh
# clean.sh ROOT all                 remove our folder and nothing else
# clean.sh ROOT CAP_BYTES [KEEP]... remove pushed files, longest unused first, until what is left
#                                   fits; KEEP names (of files in ROOT/files) stay, and become new
#
# Answer: removed=N, freed_bytes=N; or refused=WHY; then %end.

root=$1 cap=$2
shift 2

if [ "${root##*/}" != tflite-bench ]; then
    echo "refused=$root is not a folder of ours"
elif [ "$cap" = all ]; then
    freed=$(du -s -k "$root" 2>/dev/null | sed 's/[^0-9].*//')
    count=$(find "$root" -type f 2>/dev/null | wc -l)
    rm -rf "$root"
    echo "removed=$((count))"
    echo "freed_bytes=$((${freed:-0} * 1024))"
elif cd "$root/files" 2>/dev/null; then
    for name in "$@"; do
        if [ -e "$name" ]; then touch -c "$name"; fi
    done
    total=0 removed=0 freed=0
    # Names are hashes and hold no spaces: newest first, everything beyond the cap goes.
    for name in $(ls -t); do
        size=$(wc -c < "$name")
        total=$((total + size))
        [ $total -gt "$cap" ] || continue
        case " $* " in *" $name "*) continue ;; esac
        rm -f "$name"
        total=$((total - size)) removed=$((removed + 1)) freed=$((freed + size))
    done
    echo "removed=$removed"
    echo "freed_bytes=$freed"
fi
echo %end
