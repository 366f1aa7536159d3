#!/bin/busybox sh
# The first process of a guest of `cargo xtask vm-test`: it prepares the kernel as an ordinary system
# would, runs the trials, prints everything between markers on the console and turns the machine off.
# It decides nothing: what a result means is for `report.rs` to say.
/bin/busybox --install -s /bin
export PATH=/tools:/bin TERM=dumb RUST_BACKTRACE=0 EBBTIDE_BIN=/ebbtide/ebbtide

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
echo 1 >/proc/sys/kernel/printk
# Loaded programs are then listed by name in kallsyms.
echo 1 >/proc/sys/net/core/bpf_jit_kallsyms
ip link set lo up

# Each marker begins a line of its own, whatever was printed before it.
say() { printf '\n@@ebbtide %s\n' "$*"; }
section() {
    name=$1; shift
    say "begin $name"
    "$@"
    say "end $name $?"
}
# A program's error output would cut into the lines of its results.
apart() {
    timeout -s KILL "$@" 2>/tmp/errors </dev/null
    code=$?
    [ -s /tmp/errors ] && { say "begin errors"; head -c 20000 /tmp/errors; say "end errors 0"; }
    return $code
}

for module in $(cat /modules/order 2>/dev/null); do
    insmod "/modules/$module" || say "note module $module could not be loaded"
done

section doctor apart 30 /ebbtide/ebbtide doctor --json
# Just these rights, and none: what the documentation promises.
few=+bpf,+net_admin,+perfmon
section doctor-few apart 30 /tools/setpriv --reuid=65534 --regid=65534 --clear-groups \
    "--inh-caps=-all,$few" "--ambient-caps=-all,$few" /ebbtide/ebbtide doctor --json
section doctor-none apart 30 /tools/setpriv --reuid=65534 --regid=65534 --clear-groups \
    --inh-caps=-all --bounding-set=-all /ebbtide/ebbtide doctor --json

for suite in $(cat /ebbtide/suites); do
    # 127 is busybox's word for a command that cannot be found.
    section "suite $suite" apart 600 "/ebbtide/$suite" --color never $(cat /ebbtide/only)
done

# The kernel frees a program some time after its last user went.
sleep 1
section programs grep -E 'bpf_prog_.*\[bpf\]' /proc/kallsyms
section pins ls -A /sys/fs/bpf
section cgroups find /sys/fs/cgroup -mindepth 1 -type d
say done
sync
poweroff -f
