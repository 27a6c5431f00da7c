#!/system/bin/sh
# state.sh [screen] [work]: what the phone is like right now, as KEY=VALUE lines.
#
#   screen   also whether the screen is on (costs a slow dumpsys)
#   work     also the time of a fixed piece of CPU work, to tell a throttled phone from a cool one
#
# launch.sh sources this file and calls `state`; run alone it ends with %end. Parts that a phone
# does not have are left out, never made up.

state() {
    # Side by side: asking a service takes longer than anything else here. A dump travels whole, in
    # one line, and is understood on the host: vendors write them in too many ways for sed.
    one_line battery "$(dumpsys battery 2>/dev/null)" &
    battery=$!
    thermal=$(dumpsys thermalservice 2>/dev/null)
    wait $battery
    one_line thermal "${thermal%%Current cooling devices*}"
    # The zones behind the service need not be read where it tells a skin temperature of now.
    now=${thermal#*Current temperatures from HAL:}
    if [ "$now" = "$thermal" ]; then now=; fi
    case ${now%%Current cooling devices*} in
        *[Ss][Kk][Ii][Nn]* | *mType=3,*) ;;
        *) zones ;;
    esac
    for file in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq; do
        if [ -r "$file" ] && read -r khz < "$file"; then
            core=${file#/sys/devices/system/cpu/cpu}
            echo "khz.${core%%/*}=$khz"
        fi
    done 2>/dev/null
}

one_line() { # NAME TEXT: its lines joined by bars, with no process started for that
    name=$1 old_ifs=$IFS
    set -f
    IFS='
'
    # Split on purpose, at line ends alone.
    # shellcheck disable=SC2086
    set -- $2
    IFS='|'
    echo "$name=$*"
    IFS=$old_ifs
    set +f
}

# Older phones have no thermal service, or one that says nothing, but let the shell read the sensors
# themselves. A zone's name may hold blanks.
zones() {
    for zone in /sys/class/thermal/thermal_zone*; do
        if [ -r "$zone/temp" ] && read -r kind < "$zone/type" && read -r heat < "$zone/temp"; then
            echo "zone.${zone##*zone}=$heat $kind"
        fi
    done 2>/dev/null
}

screen() {
    dumpsys power 2>/dev/null | sed -n 's/^ *mWakefulness=\([A-Za-z]*\).*/screen=\1/p'
}

now_us() { # the last nine digits of it, behind a 1: a phone's shell counts in 32 bits
    # mksh and bash have a clock that costs no process; toybox's date has nanoseconds.
    if [ -n "${EPOCHREALTIME-}" ]; then
        whole=${EPOCHREALTIME%[.,]*}
        echo "1${whole#"${whole%???}"}${EPOCHREALTIME#*[.,]}"
    else
        date +%s%N 2>/dev/null | sed -n 's/^[0-9]\{7\}\([0-9]\{9\}\)[0-9]\{3\}$/1\1/p'
    fi
}

# The best of five: whatever else runs can only make one slower, a throttled core slows all.
work() {
    best=
    for _ in 1 2 3 4 5; do
        from=$(now_us)
        [ -n "$from" ] || return 0
        i=0
        while [ $i -lt 10000 ]; do i=$((i + 1)); done
        spent=$(($(now_us) - from))
        if [ $spent -lt 0 ]; then spent=$((spent + 1000000000)); fi
        if [ -z "$best" ] || [ $spent -lt "$best" ]; then best=$spent; fi
    done
    echo "work_us=$best"
}

case ${0##*/} in
    state.sh)
        state
        for part in "$@"; do
            case $part in screen | work) $part ;; esac
        done
        echo %end ;;
esac
