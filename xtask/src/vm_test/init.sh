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
# Just these rights, and none, as another user: what the documentation promises. Kernels before 5.11
# want room for tables in the limit of locked memory too.
as_nobody() { apart 30 /tools/setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
few=+bpf,+net_admin,+perfmon
ulimit -l unlimited
section doctor-few as_nobody "--inh-caps=-all,$few" "--ambient-caps=-all,$few" \
    /ebbtide/ebbtide doctor --json
ulimit -l 64
section doctor-few-locked as_nobody "--inh-caps=-all,$few" "--ambient-caps=-all,$few" \
    /ebbtide/ebbtide doctor --json
section doctor-none as_nobody --inh-caps=-all --bounding-set=-all /ebbtide/ebbtide doctor --json

arguments=$(cat /ebbtide/arguments)
# As it prints, and kept.
suite() {
    { apart 600 "/ebbtide/$1" $arguments; echo $? >/tmp/code; } | tee /tmp/out
    return "$(cat /tmp/code)"
}
section "suite kernel_rows" suite kernel_rows
# The probes on the send path, each where the kernel takes it.
section "suite observe" apart 300 /ebbtide/observe --color never probe::
section "suite reap" suite reap
# These measure seconds, several at a time on an emulated processor: what failed is tried by itself.
sed -n 's/^test \([^ ]*\) *\.\.\. FAILED$/\1/p' /tmp/out >/tmp/failed
while read -r trial; do
    section "again reap: $trial" apart 60 /ebbtide/reap --color never --exact "$trial"
done </tmp/failed
# The kernel's description of its own types, hidden: rows must do without what is read by it.
if mount -t tmpfs none /sys/kernel/btf 2>/dev/null; then
    section doctor-without-btf apart 30 /ebbtide/ebbtide doctor --json
    section "suite kernel_rows without BTF" apart 600 /ebbtide/kernel_rows $arguments
    umount /sys/kernel/btf
fi

# The kernel frees a program some time after its last user went.
sleep 1
section programs grep -E 'bpf_prog_.*\[bpf\]' /proc/kallsyms
section pins ls -A /sys/fs/bpf
section cgroups find /sys/fs/cgroup -mindepth 1 -type d
say done
sync
poweroff -f
