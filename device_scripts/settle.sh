#!/system/bin/sh
# settle.sh ROOT TOKEN HOLDER TAKEOVER [SETTING]...
#
# Take the phone for one harness (see lock.sh), end what an earlier one left behind, then apply
# SETTINGs and read them back.
#
# SETTINGs, all best effort: stay_on (screen on while plugged), fixed_performance (clocks below
# what the phone can keep up). What was before is noted in ROOT/note first, for restore.sh.
#
# Answer: as lock.sh; then, if the lock is ours, ended=N launches, setting.NAME=VALUE as read back;
# denied=USER and full=1 also where the folders for files and launches cannot be used; then %end.

here=${0%/*}
root=$1 token=$2 holder=$3 takeover=$4
shift 4

# shellcheck source-path=SCRIPTDIR source=lock.sh

. "$here/lock.sh"

apply() {
    case $1 in
        stay_on)
            old=$(settings get global stay_on_while_plugged_in 2>/dev/null) || return
            note "stay_on $old" || return
            svc power stayon true > /dev/null 2>&1
            echo "setting.stay_on=$(settings get global stay_on_while_plugged_in 2>/dev/null)" ;;
        fixed_performance)
            # No command reads this mode back: what the phone answers is all there is.
            note "fixed_performance -" || return
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

note() { # what cannot be noted is not changed: nobody could undo it
    { echo "$1" >> "$root/note"; } 2> /dev/null
}

umask 022
mkdir -p "$root/runs" "$root/files" 2> /dev/null
if lock; then
    true > "$root/lock/beat"
    rm -f "$root/push-$takeover-"*
    sh "$here/restore.sh" "$root" "$token" keep | sed '/^%end$/d'
    for folder in "$root/runs" "$root/files"; do
        if [ ! -d "$folder" ]; then
            echo full=1
        elif [ ! -w "$folder" ]; then
            echo "denied=$(stat -c %U "$folder")"
            echo "us=$(id -un)"
        fi
    done
    for setting in "$@"; do apply "$setting"; done
fi
echo %end
