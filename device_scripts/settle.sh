#!/system/bin/sh
# settle.sh ROOT TOKEN HOLDER TAKEOVER [SETTING]...
#
# Take the phone for one harness, end what an earlier one left behind, then apply SETTINGs and read
# them back. HOLDER is one line that tells others who holds it. TAKEOVER is the token of a dead
# holder whose lock may be taken, or -.
#
# SETTINGs, all best effort: stay_on (screen on while plugged), fixed_performance (clocks below
# what the phone can keep up). What was before is noted in ROOT/note first, for restore.sh.
#
# Answer: lock=ours, or lock=TOKEN, holder=LINE and age_s=N of whoever holds it; then, if ours,
# ended=N launches, setting.NAME=VALUE as read back; then %end.

here=${0%/*}
root=$1 token=$2 holder=$3 takeover=$4
shift 4

holder_now() { # the token in the lock, empty while somebody is just taking it
    for file in "$root"/lock/holder-*; do
        if [ -e "$file" ]; then
            echo "${file##*/holder-}"
            return
        fi
    done
}

age_s() { # since the holder last gave a sign
    for file in "$root/lock/beat" "$root/lock"; do
        changed=$(stat -c %Y "$file" 2>/dev/null) && break
    done
    echo $(($(date +%s) - ${changed:-0}))
}

take() {
    if mkdir "$root/lock" 2>/dev/null; then
        printf '%s\n' "$holder" > "$root/lock/holder-$token"
        return
    fi
    current=$(holder_now)
    [ "$current" = "$token" ] && return
    if [ -z "$current" ]; then
        # A lock with no holder is being taken right now, or its taker died in that moment.
        [ "$(age_s)" -gt 10 ] || return 1
        printf '%s\n' "$holder" > "$root/lock/holder-$token"
    elif [ "$current" = "$takeover" ]; then
        # Renaming this very holder can succeed for one contender only.
        mv "$root/lock/holder-$takeover" "$root/lock/holder-$token" 2>/dev/null || return 1
        printf '%s\n' "$holder" > "$root/lock/holder-$token"
    else
        return 1
    fi
}

apply() {
    case $1 in
        stay_on)
            old=$(settings get global stay_on_while_plugged_in 2>/dev/null) || return
            echo "stay_on $old" >> "$root/note"
            svc power stayon true > /dev/null 2>&1
            echo "setting.stay_on=$(settings get global stay_on_while_plugged_in 2>/dev/null)" ;;
        fixed_performance)
            # No command reads this mode back: what the phone answers is all there is.
            echo "fixed_performance -" >> "$root/note"
            if said=$(cmd power set-fixed-performance-mode-enabled true 2>&1); then
                case $said in
                    *ailed* | *nknown* | *not\ supported*) echo setting.fixed_performance=refused ;;
                    *) echo setting.fixed_performance=accepted ;;
                esac
            else
                echo setting.fixed_performance=refused
            fi ;;
    esac
}

ours() { # two may have found a lock with no holder: the first in order keeps it
    [ "$(holder_now)" = "$token" ] && return
    rm -f "$root/lock/holder-$token"
    return 1
}

umask 022
mkdir -p "$root/runs" "$root/files"
if take && ours; then
    echo lock=ours
    true > "$root/lock/beat"
    rm -f "$root/push-$takeover-"*
    sh "$here/restore.sh" "$root" "$token" keep | sed '/^%end$/d'
    for setting in "$@"; do apply "$setting"; done
else
    current=$(holder_now)
    echo "lock=${current:--}"
    echo "holder=$(cat "$root/lock/holder-$current" 2>/dev/null)"
    echo "age_s=$(age_s)"
fi
echo %end
