#!/system/bin/sh
# probe.sh ROOT [MASK]: what the phone is, as KEY=VALUE lines, then %end.
#
#   prop.NAME  chosen properties        cpu.N       governor, lowest and highest kHz allowed
#   machine, kernel, online, memory_kb  free_kb     what the storage under ROOT has left
#   speed.N    highest kHz of CPU N, else its capacity
#   has.NAME   commands we can use      affinity    the CPUs a process under MASK may use

root=$1 mask=${2--}

getprop 2>/dev/null | sed -n \
    -e 's/^\[\(ro\.build\.fingerprint\)\]: \[\(.*\)\]$/prop.\1=\2/p' \
    -e 's/^\[\(ro\.build\.version\.[a-z]*\)\]: \[\(.*\)\]$/prop.\1=\2/p' \
    -e 's/^\[\(ro\.product\.[a-z]*\)\]: \[\(.*\)\]$/prop.\1=\2/p' \
    -e 's/^\[\(ro\.product\.cpu\.[a-z0-9]*\)\]: \[\(.*\)\]$/prop.\1=\2/p' \
    -e 's/^\[\(ro\.soc\.[a-z]*\)\]: \[\(.*\)\]$/prop.\1=\2/p' \
    -e 's/^\[\(ro\.board\.platform\)\]: \[\(.*\)\]$/prop.\1=\2/p' \
    -e 's/^\[\(ro\.hardware\)\]: \[\(.*\)\]$/prop.\1=\2/p'
echo "machine=$(uname -m)"
echo "kernel=$(uname -r)"
for dir in /sys/devices/system/cpu/cpu[0-9]*; do
    if [ -r "$dir/cpufreq/scaling_governor" ]; then
        read -r governor < "$dir/cpufreq/scaling_governor"
        read -r low < "$dir/cpufreq/scaling_min_freq"
        read -r high < "$dir/cpufreq/scaling_max_freq"
        echo "cpu.${dir##*/cpu}=$governor $low $high"
    fi
    for file in cpufreq/cpuinfo_max_freq cpu_capacity; do
        if [ -r "$dir/$file" ]; then
            read -r speed < "$dir/$file"
            echo "speed.${dir##*/cpu}=$file $speed"
            break
        fi
    done
done 2>/dev/null
if read -r online < /sys/devices/system/cpu/online; then echo "online=$online"; fi 2>/dev/null
sed -n 's/^MemTotal: *\([0-9]*\).*/memory_kb=\1/p' /proc/meminfo
df -k "$root" 2>/dev/null | sed -n '$s/^.* \([0-9][0-9]*\)  *[0-9-][0-9]*%.*/free_kb=\1/p'
if command -v taskset > /dev/null 2>&1; then echo has.taskset=1; fi
if [ "$mask" != - ]; then
    allowed=$(taskset "$mask" sed -n 's/^Cpus_allowed_list:[^0-9]*//p' /proc/self/status 2>/dev/null)
    echo "affinity=$allowed"
fi
echo %end
