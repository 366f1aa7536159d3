//! Turns findings into advice. Pure.

use super::Report;
use crate::sockets::Source;

/// The capabilities that the kernel writer needs since Linux 5.8: maps and programs (CAP_BPF), the
/// socket program and its cgroup (CAP_NET_ADMIN), reading `struct tcp_sock` (CAP_PERFMON).
const NEEDED: [&str; 3] = ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"];

/// One sentence for each thing to change, the most likely first. `limits` is `/proc/self/limits`.
pub(super) fn of(report: &Report, lockdown: &str, limits: &str) -> Vec<String> {
    let mut advice = Vec::new();
    let ebpf = report.attach.ok && report.mmapable_array.ok;
    let has = |name: &str| report.capabilities.iter().any(|had| had == name);
    // CAP_SYS_ADMIN includes the two newer ones (include/linux/capability.h).
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
    let charged = !report.maps.ok && charged_to_memlock(&report.kernel);
    if let Some(limit) = memlock(limits).filter(|_| charged && !has("CAP_SYS_RESOURCE")) {
        advice.push(format!(
            "before Linux 5.11 tables count against the limit of locked memory, here {limit} bytes: \
             raise it (`ulimit -l unlimited`, or LimitMEMLOCK=infinity in a systemd unit), or add \
             CAP_SYS_RESOURCE so that this process can"
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
        advice.push(format!(
            "{error}; `[sockets] cgroup` in the configuration, here --cgroup, names a folder of the \
             cgroup2 file system"
        ));
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
            "this process cannot name the cause: a security module, a seccomp profile or the kernel's \
             configuration (CONFIG_BPF_SYSCALL, CONFIG_CGROUP_BPF) refuses the step above"
                .to_owned(),
        );
    }
    advice
}

/// Which source will be used, and whether that is the best there is.
pub(super) fn verdict(report: &Report) -> String {
    match (report.source == Source::Ebpf.to_string(), report.advice.is_empty()) {
        (true, true) => "all is well: sockets will be watched by ebpf",
        (true, false) => {
            "sockets will be watched by ebpf; the advice above improves it"
        }
        (false, _) => {
            "Ebbtide works here, but sockets will be polled (tcp-info): follow the advice above to get ebpf"
        }
    }
    .to_owned()
}

/// Whether a kernel of this release counts tables against RLIMIT_MEMLOCK: all before 5.11.
fn charged_to_memlock(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < (5, 11))
}

/// The soft limit of locked memory in bytes; `None` = unlimited.
fn memlock(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_locked_memory_counts_before_5_11() {
        assert!(charged_to_memlock("5.10.0-32-cloud-amd64") && charged_to_memlock("4.19"));
        assert!(!charged_to_memlock("5.11.0") && !charged_to_memlock("7.3-cloud-amd64"));
        assert!(!charged_to_memlock(""));
        let limits =
            "Limit   Soft Limit  Hard Limit  Units\nMax locked memory  65536  65536  bytes\n";
        assert_eq!(memlock(limits), Some(65_536));
        assert_eq!(memlock("Max locked memory  unlimited  unlimited  bytes"), None);
        assert_eq!(memlock(""), None);
    }
}
