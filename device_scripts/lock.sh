#!/system/bin/sh
# lock.sh ROOT TOKEN HOLDER TAKEOVER
#
# Take the phone for one harness: HOLDER is one line that tells others who holds it, TAKEOVER the
# token of a dead holder whose lock may be taken, or -. settle.sh sources this file and calls
# `lock`; run alone it ends with %end.
#
# Answer: lock=ours; or lock=TOKEN, holder=LINE and age_s=N of whoever holds it (lock=- where nobody
# does); then full=1 where not even a lock finds room, denied=USER, us=USER where ROOT belongs to
# somebody else.
#
# mkdir is no lock: in some versions of toybox it succeeds where the folder exists. What is atomic in
# every shell is a redirection under noclobber, which lets one at a time through the door, and the
# rename of a file that names its holder. Should two come through all the same (a door left behind
# is opened after a while), each looks who else is there, and only one who is alone stays.

holder_now() { # the token in the lock, empty where nobody holds it
    for file in "$root"/lock/holder-*; do
        if [ -e "$file" ]; then
            echo "${file##*/holder-}"
            return
        fi
    done
}

age_s() { # FILE...: since the first of them that exists was changed, 0 where none does
    for file in "$@"; do
        if changed=$(stat -c %Y "$file" 2> /dev/null); then
            echo $(($(date +%s) - changed))
            return
        fi
    done
    echo 0
}

alone() { # whether no other holder is there
    for file in "$root"/lock/holder-*; do
        [ "$file" = "$root/lock/holder-$token" ] || return 1
    done
}

enter() {
    [ -z "$(holder_now)" ] || return 1
    if { printf '%s\n' "$holder" > "$root/lock/holder-$token"; } 2> /dev/null; then
        alone && return
    else
        failed=1
    fi
    rm -f "$root/lock/holder-$token"
    return 1
}

through_the_door() {
    set -C
    # Created with nothing in it: so it fails only where another is there, or there is no room.
    if { true > "$root/lock/door"; } 2> /dev/null; then
        set +C
        enter
        entered=$?
        rm -f "$root/lock/door"
        return $entered
    fi
    set +C
    if [ ! -e "$root/lock/door" ]; then
        failed=1
    elif [ "$(age_s "$root/lock/door")" -gt 10 ]; then
        rm -f "$root/lock/door"
    fi
    return 1
}

take() {
    failed=0
    mkdir -p "$root/lock" 2> /dev/null
    current=$(holder_now)
    case $current in
        "$token") return ;;
        '') through_the_door ;;
        "$takeover")
            # Renaming this very holder can succeed for one contender only.
            mv -f "$root/lock/holder-$takeover" "$root/lock/holder-$token" 2> /dev/null || return 1
            { printf '%s\n' "$holder" > "$root/lock/holder-$token"; } 2> /dev/null
            return 0 ;;
        *) return 1 ;;
    esac
}

lock() {
    tries=0
    until take; do
        tries=$((tries + 1))
        # Nobody holds it, but somebody is at the door: that takes a moment, or died in it.
        if [ $failed = 0 ] && [ -z "$(holder_now)" ] && [ $tries -lt 13 ]; then
            sleep 1
            continue
        fi
        current=$(holder_now)
        echo "lock=${current:--}"
        echo "holder=$(cat "$root/lock/holder-$current" 2> /dev/null)"
        echo "age_s=$(age_s "$root/lock/beat" "$root/lock")"
        if [ $failed = 1 ]; then why; fi
        return 1
    done
    echo lock=ours
}

why() { # nothing can be written
    for folder in "$root/lock" "$root" "${root%/*}"; do
        if [ -d "$folder" ]; then
            if [ ! -w "$folder" ]; then
                echo "denied=$(stat -c %U "$folder")"
                echo "us=$(id -un)"
                return
            fi
            break
        fi
    done
    echo full=1
}

case ${0##*/} in
    lock.sh)
        root=$1 token=$2 holder=$3 takeover=$4
        umask 022
        lock
        echo %end ;;
esac
