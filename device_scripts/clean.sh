#!/system/bin/sh
# clean.sh ROOT all TOKEN           remove our folder and nothing else
# clean.sh ROOT CAP_KB [KEEP]...    remove pushed files, longest unused first, until what is left
#                                   fits; KEEP names (of files in ROOT/files) stay, and become new
#
# Sizes are in 1,000 bytes: a phone's shell counts in 32 bits. TOKEN must hold the lock; or nobody,
# where the phone is too full for one.
#
# Answer: removed=N and freed_kb=N, or refused=WHY; left=N of files that could not be removed; then
# %end.

root=$1 cap=$2
shift 2

kilobytes() { # BYTES, which may be more than 32 bits hold: cut as text, rounded up
    case $1 in
        ????*) echo $((${1%???} + 1)) ;;
        *) echo 1 ;;
    esac
}

kib() { # FOLDER, which may be a link to one: what is in it, in units of 1,024 bytes
    used=$(du -s -k "$1/." 2> /dev/null)
    used=${used%%[!0-9]*}
    echo "${used:-0}"
}

ours() { # how many files of ours are there, the lock's own apart
    (cd "$root" 2> /dev/null && find . -type f ! -path './lock/*' 2> /dev/null | wc -l)
}

if [ "${root##*/}" != tflite-bench ]; then
    echo "refused=$root is not a folder of ours"
elif [ "$cap" = all ]; then
    for file in "$root"/lock/holder-*; do
        if [ -e "$file" ] && [ "$file" != "$root/lock/holder-$1" ]; then
            echo "refused=another harness holds it"
            echo %end
            exit
        fi
    done
    count=$(ours) freed_kib=0
    if [ "$((count))" -gt 0 ]; then freed_kib=$(($(kib "$root") - $(kib "$root/lock"))); fi
    rm -rf "$root" 2> /dev/null
    left=$(ours)
    if [ "$((left))" -gt 0 ]; then echo "left=$((left))"; fi
    echo "removed=$((count - left))"
    echo "freed_kb=$((freed_kib + freed_kib * 3 / 125))" # 24 of 1,000, by small numbers
elif cd "$root/files" 2>/dev/null; then
    total=0 removed=0 freed=0
    # First, for in an order by whole seconds they might come last.
    for name in "$@"; do
        if [ -e "$name" ]; then
            touch -c "$name"
            total=$((total + $(kilobytes "$(stat -c %s "$name")")))
        fi
    done
    # Names are hashes and hold no spaces: newest first, everything beyond the cap goes.
    # shellcheck disable=SC2045
    for name in $(ls -t); do
        case " $* " in *" $name "*) continue ;; esac
        size=$(kilobytes "$(stat -c %s "$name")")
        total=$((total + size))
        [ $total -gt "$cap" ] || continue
        rm -f "$name"
        total=$((total - size)) removed=$((removed + 1)) freed=$((freed + size))
    done
    echo "removed=$removed"
    echo "freed_kb=$freed"
fi
echo %end
