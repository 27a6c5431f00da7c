#!/system/bin/sh
# launch.sh ROOT TOKEN ID FORGET LIMIT_S BEAT_S ORPHAN_S LOOK MASK LIBRARIES MODEL TOOL [ARG]...
#
# Run TOOL once, apart from the connection, and answer with its exit code, both its streams and the
# state of the phone after it. Called again with the same ID, it starts nothing: it waits for the
# launch that is under way, or answers with the one that is done. So a cut cable neither loses a
# launch nor counts one twice.
#
#   ROOT       our folder; TOKEN must hold its lock
#   ID         names this launch; FORGET is an earlier one whose answer has arrived, or -
#   LIMIT_S    the launch is ended after so long
#   BEAT_S     a dot goes to the host so often, to show that the connection lives
#   ORPHAN_S   the launch is ended when no host has listened for so long
#   LOOK       yes: also read the state of the phone after it, or no: that costs most of the overhead
#   MASK       of CPUs, hexadecimal, for taskset, or -
#   LIBRARIES  a folder for the dynamic linker, or -
#
# Answer: KEY=VALUE lines, then `%streams N M` and N + M bytes, then state if asked for, then %end. Keys:
#   refused    lock (it is not ours), room (none is left for a launch), or the path of a file that
#              is missing: nothing was started
#   lost       the launch broke off with no exit code (the phone restarted, or it was cancelled)
#   exit       the tool's exit code, 128 + N for signal N; from_s, to_s: its start and end, uptime
#   ended      timeout or orphaned, where it was ended by us; stuck, where it could not be ended;
#              alone, where this phone's shell cannot run it apart
#   full       the phone is full: output may be missing

here=${0%/*}

# shellcheck source-path=SCRIPTDIR source=processes.sh

. "$here/processes.sh"

start() { # DIR ROOT LIMIT_S BEAT_S ORPHAN_S MASK COMMAND...: as a leader of its own
    # Some versions of setsid become the command, some start it and return at once (toybox from
    # 2019-12-26 to 2021-04-19), some phones have none. What holds everywhere is the pipe on
    # standard output: it ends with the last process of the launch.
    if command -v setsid > /dev/null; then
        exec setsid sh "$0" --supervise "$@" < /dev/null 2> /dev/null
    else
        set -m
        sh "$0" --supervise "$@" < /dev/null 2> /dev/null &
    fi
}

supervise() { # as start: the leader, which writes how the launch went, and leaves nothing running
    dir=$1 root=$2 limit=$3 beat=$4 orphan=$5 mask=$6
    shift 6
    facts_of $$
    if [ "$group" != $$ ]; then
        echo alone > "$dir/ended"
        exit
    fi
    trap '' HUP
    # One that could not be ended must not be begun.
    # Whole from the first moment: another call may be reading.
    echo "$$ $start" > "$dir/group.new" || exit
    mv -f "$dir/group.new" "$dir/group" || exit
    # Endless output must not fill the phone. POSIX counts blocks of 512 bytes: 1 GiB.
    ulimit -f 2097152
    if [ "$mask" != - ]; then set -- taskset "$mask" "$@"; fi
    read -r from rest < /proc/uptime
    "$@" < /dev/null > "$dir/stdout" 2> "$dir/stderr" &
    tool=$!
    watch &
    wait $tool
    code=$?
    read -r to rest < /proc/uptime
    echo "$code $from $to done" > "$dir/exit"
    # What is left of the group, the tool's children and this shell included.
    kill -KILL 0
}

watch() {
    trap '' PIPE
    left=$limit lonely=0 reason=timeout
    while [ "$left" -gt 0 ]; do
        if [ "$left" -lt "$beat" ]; then beat=$left; fi
        sleep "$beat"
        left=$((left - beat))
        true > "$root/lock/beat"
        if echo .; then
            lonely=0
        elif [ -e "$dir/attached" ]; then
            lonely=0
            rm -f "$dir/attached"
        else
            lonely=$((lonely + beat))
            if [ $lonely -ge "$orphan" ]; then
                reason=orphaned
                break
            fi
        fi
    done 2>/dev/null
    echo $reason > "$dir/ended"
    kill -TERM $tool
    sleep 2
    kill -KILL $tool
}

begin() { # whether this call, and no other one, is to start the launch
    # Not by mkdir, which succeeds in some versions of toybox where the folder exists.
    mkdir -p "$dir" 2> /dev/null
    set -C
    { true > "$dir/begun"; } 2> /dev/null
    begun=$?
    set +C
    return $begun
}

attach() { # wait for the launch that another call began, no longer than it may take
    left=$((limit + 30)) unborn=10
    while [ ! -s "$dir/exit" ] && [ $left -gt 0 ]; do
        if ! leads "$dir"; then
            # Ended, or begun a moment ago by a call that has not come to write it down.
            if [ -e "$dir/group" ] || [ -e "$dir/ended" ] || [ $unborn = 0 ]; then break; fi
            unborn=$((unborn - 1))
        fi
        true > "$dir/attached"
        echo . || exit 1
        sleep 1
        left=$((left - 1))
    done
    if [ $left = 0 ] && [ ! -s "$dir/exit" ]; then echo ended=stuck; fi
}

answer() {
    if [ ! -d "$dir" ]; then # a harness that leaves removes it
        echo lost=1
        return
    fi
    if read -r code from to whole < "$dir/exit" && [ "$whole" = "done" ]; then
        echo "exit=$code"
        echo "from_s=$from"
        echo "to_s=$to"
    else
        echo lost=1
    fi 2>/dev/null
    { echo room > "$dir/room"; } 2> /dev/null || echo full=1
    if [ -r "$dir/ended" ]; then
        read -r reason < "$dir/ended"
        echo "ended=$reason"
    fi
    true >> "$dir/stdout"
    true >> "$dir/stderr"
    # Of endless output, only the start (parameters) and the end (results) travel.
    sizes=$(cd "$dir" && wc -c stdout stderr)
    for stream in stdout stderr; do
        size=${sizes%%"$stream"*}
        size=${size##*[!0-9 ]}
        if [ "$((size))" -gt 4194304 ]; then
            # Not by head, which counts lines alone before Android 8.1.
            {
                dd bs=65536 count=4 < "$dir/$stream" 2> /dev/null
                echo
                tail -c 1048576 "$dir/$stream"
            } > "$dir/short.$$"
            mv -f "$dir/short.$$" "$dir/$stream"
            echo "cut.$stream=$((size))"
            size=$(wc -c < "$dir/$stream")
        fi
        lengths="${lengths-} $((size))"
    done
    echo "%streams$lengths"
    cat "$dir/stdout" "$dir/stderr"
    echo
}

case $1 in
    --supervise)
        shift
        supervise "$@" ;;
esac

umask 022
root=$1 token=$2 id=$3 forget=$4 limit=$5 beat=$6 orphan=$7 look=$8 mask=$9
shift 9
libraries=$1 model=$2 tool=$3
shift 2
dir=$root/runs/$id

if [ ! -e "$root/lock/holder-$token" ]; then
    echo refused=lock
elif [ ! -e "$dir/begun" ] && [ ! -f "$model" ]; then
    echo "refused=$model"
elif [ ! -e "$dir/begun" ] && [ ! -f "$tool" ]; then
    echo "refused=$tool"
else
    if [ "$forget" != - ]; then rm -rf "$root/runs/$forget"; fi
    if begin; then
        if [ "$libraries" != - ]; then export LD_LIBRARY_PATH="$libraries"; fi
        # The end of the group is no news for standard error.
        start "$dir" "$root" "$limit" "$beat" "$orphan" "$mask" "$@" 2> /dev/null |
            while read -r sign; do echo "$sign" || exit; done
        answer
    elif [ -e "$dir/begun" ]; then
        attach
        answer
    else
        echo refused=room
    fi
    if [ "$look" = yes ]; then
        # shellcheck source-path=SCRIPTDIR source=state.sh
        . "$here/state.sh"
        state
    fi
fi
echo %end
