#!/bin/sh
# Lays out a phone's mounts in a mount namespace of its own, then becomes its process 1.
#
#   setup.sh IMAGE RUN DATA_SIZE ADDRESS PORT
#
# RUN/bin, where it exists, stands in place of the image's commands.
#
# All mounts live in this namespace alone, so they vanish with the phone.
set -eu
image=$1 run=$2 size=$3 address=$4 port=$5
root=$run/root

# Read-only: neither the shell user nor a stray root process can change the cached image.
mount --bind "$image" "$root"
mount -o remount,bind,ro "$root"

if [ -d "$run/bin" ]; then
    mount --bind "$run/bin" "$root/system/bin"
    mount -o remount,bind,ro "$root/system/bin"
fi

mount -t tmpfs -o "size=$size,mode=0771,uid=2000,gid=2000,nosuid,nodev" data "$root/data/local/tmp"
mount --bind "$run/persona" "$root/persona"
mount --bind "$run/sys" "$root/sys"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"

mount -t tmpfs -o mode=0755,size=1m,nosuid,noexec dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/socket"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/full" c 1 7
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
mknod -m 666 "$root/dev/tty" c 5 0
mount -t devpts -o newinstance,ptmxmode=0666,mode=0600,nosuid,noexec devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

ip link set lo up
exec "$root/usr/lib/loopback/phone_init" "$root" "$address" "$port"
