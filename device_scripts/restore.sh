#!/system/bin/sh
# restore.sh ROOT TOKEN keep|release
#
# End every launch of ours that still runs, undo the settings in ROOT/note, and give the lock back
# (release) or keep it. Does nothing unless TOKEN holds the lock. Answer: ended=N, restored=NAME for
# each setting, lock=lost if it was not ours; then %end.

here=${0%/*}
root=$1 token=$2 mode=$3

# shellcheck source-path=SCRIPTDIR source=processes.sh

. "$here/processes.sh"

end_launches() {
    count=0
    for dir in "$root"/runs/*; do
        { read -r leader born < "$dir/group"; } 2> /dev/null || continue
        # The number may meanwhile belong to somebody else; the start time tells.
        if facts_of "$leader" && [ "$start" != "$born" ]; then continue; fi
        # With the leader dead, a group of that number can only be what is left of ours.
        kill -KILL "-$leader" 2>/dev/null && [ ! -s "$dir/exit" ] && count=$((count + 1))
    done
    echo "ended=$count"
    # A push under way may belong to a harness that is only starting: of others, only old ones go.
    rm -rf "$root"/runs/* "$root/push-$token-"*
    # Not by find, which knows no minutes in Android 7.
    now=$(date +%s)
    for file in "$root"/push-*; do
        changed=$(stat -c %Y "$file" 2> /dev/null) || continue
        if [ $((now - changed)) -gt 600 ]; then rm -f "$file"; fi
    done
}

undo() {
    case $1 in
        stay_on)
            if [ "$2" = null ]; then
                settings delete global stay_on_while_plugged_in > /dev/null 2>&1
            else
                settings put global stay_on_while_plugged_in "$2" > /dev/null 2>&1
            fi ;;
        fixed_performance) cmd power set-fixed-performance-mode-enabled false > /dev/null 2>&1 ;;
        *) return ;;
    esac
    echo "restored=$1"
}

if [ -e "$root/lock/holder-$token" ]; then
    end_launches
    if [ -r "$root/note" ]; then
        while read -r name value; do undo "$name" "$value" < /dev/null; done < "$root/note"
        rm -f "$root/note"
    fi
    if [ "$mode" = release ]; then rm -f "$root/lock/holder-$token" "$root/lock/beat"; fi
else
    echo lock=lost
fi
echo %end
