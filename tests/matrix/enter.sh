#!/bin/sh
# Run a command in a root file system, with mounts, devices and processes of its own:
#
#   unshare --mount --pid --ipc --uts --fork --kill-child enter.sh ROOT [FROM:TO]... -- COMMAND...
#
# Directories and files FROM the host are seen read-only at TO. All that is mounted and started
# ends with the command, because the namespaces do.
set -eu

root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
for directory in run tmp; do
    mount -t tmpfs -o mode=1777 tmpfs "$root/$directory"
done
chmod 755 "$root/run"

# Devices that the user of rootless podman may open, without touching those of the host.
dev=$root/dev
mount -t tmpfs -o mode=755 tmpfs "$dev"
mkdir "$dev/pts" "$dev/shm" "$dev/net"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$dev/shm"
while read -r name major minor; do
    mknod -m 666 "$dev/$name" c "$major" "$minor"
done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
net/tun 10 200
END
ln -s pts/ptmx "$dev/ptmx"
ln -s /proc/self/fd "$dev/fd"
ln -s fd/0 "$dev/stdin"
ln -s fd/1 "$dev/stdout"
ln -s fd/2 "$dev/stderr"

while [ "$1" != -- ]; do
    from=${1%%:*} to=$root${1#*:}
    if [ -d "$from" ]; then
        mkdir -p "$to"
    else
        mkdir -p "$(dirname "$to")"
        [ -e "$to" ] || : >"$to"
    fi
    mount --rbind "$from" "$to"
    mount -o remount,bind,ro "$to"
    shift
done
shift

# runc enters its containers by pivot_root, which does not work from a mere chroot.
cd "$root"
mkdir -p .host
pivot_root . .host
umount -l .host
# In a new network namespace even the loopback is down.
ip link set lo up
# Process 1 has to reap what others leave behind.
exec catatonit -- "$@"
