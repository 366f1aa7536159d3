//! From what was found to what to do about it. Pure.

use super::Report;

/// The capabilities that the kernel writer needs since Linux 5.8: maps and programs (CAP_BPF), the
/// socket program and its cgroup (CAP_NET_ADMIN), reading `struct tcp_sock` (CAP_PERFMON).
const NEEDED: [&str; 3] = ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"];

/// One sentence for each thing to change, the most likely first.
pub(super) fn of(report: &Report, lockdown: &str) -> Vec<String> {
    let mut advice = Vec::new();
    let ebpf = report.attach.ok && report.mmapable_array.ok;
    let has = |name: &str| report.capabilities.iter().any(|had| had == name);
    // CAP_SYS_ADMIN stands for the two newer ones (include/linux/capability.h).
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|name| !has(name) && (*name == "CAP_NET_ADMIN" || !has("CAP_SYS_ADMIN")))
        .collect();
    if !ebpf && !missing.is_empty() {
        advice.push(format!(
            "the kernel writer needs {}: run as root, or `setcap cap_bpf,cap_net_admin,cap_perfmon+ep` \
             on the binary, or add BPF, NET_ADMIN and PERFMON to the container's capabilities",
            missing.join(" and ")
        ));
    }
    if !report.btf.ok {
        advice.push(
            "rows lack the send window and unsent bytes without /sys/kernel/btf/vmlinux: use a kernel \
             built with CONFIG_DEBUG_INFO_BTF=y, and let this process read the file"
                .to_owned(),
        );
    }
    if let Some(error) = &report.cgroup_error {
        advice.push(format!("{error}; `[sockets] cgroup` in the configuration names a folder"));
    }
    if !ebpf && lockdown.contains("[confidentiality]") {
        advice.push(
            "the kernel is locked down (confidentiality), which refuses programs that read kernel \
             memory: boot with lockdown=integrity or without"
                .to_owned(),
        );
    }
    if !ebpf && missing.is_empty() && advice.is_empty() {
        advice.push(
            "nothing is missing that this process can name: a security module, a seccomp profile or \
             the kernel's configuration (CONFIG_BPF_SYSCALL, CONFIG_CGROUP_BPF) refuses the step above"
                .to_owned(),
        );
    }
    advice
}
