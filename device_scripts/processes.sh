#!/system/bin/sh
# processes.sh: what /proc tells of a process; sourced by the scripts that start and end launches.

# The name in a stat line may hold spaces and brackets: fields count from behind it. No process is
# started for this: each costs milliseconds on a phone.
facts_of() { # PID: sets state, group and start, which tells a number from its next owner
    { read -r line < "/proc/$1/stat"; } 2> /dev/null || return 1
    line=${line##*) }
    # Split on purpose.
    # shellcheck disable=SC2086
    set -- $line
    # shellcheck disable=SC2034 # for the scripts that source this
    state=$1 group=$3 start=${20}
}

leads() { # DIR: whether the leader of the launch in DIR still runs
    { read -r leader born < "$1/group"; } 2> /dev/null || return 1
    facts_of "$leader" && [ "$start" = "$born" ] && [ "$state" != Z ]
}
