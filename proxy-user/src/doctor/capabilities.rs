//! The effective capabilities of a process, by name.

/// `CAP_*` by number, as in `include/uapi/linux/capability.h`.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The names in the line `CapEff:` of a `/proc/PID/status`; none if there is no such line.
pub(crate) fn effective(status: &str) -> Vec<String> {
    let bits = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .unwrap_or(0);
    (0..u64::BITS as usize)
        .filter(|number| bits >> number & 1 == 1)
        .map(|number| {
            NAMES.get(number).map_or(format!("CAP_{number}"), |name| format!("CAP_{name}"))
        })
        .collect()
}

/// The names as text; "all" and "none" in a word.
pub(super) fn text(names: &[String]) -> String {
    match names.len() {
        0 => "none".to_owned(),
        count if count >= NAMES.len() => format!("all {count}"),
        count if count * 2 > NAMES.len() => {
            let lacks = NAMES.map(|name| format!("CAP_{name}"));
            let lacks: Vec<_> = lacks.iter().filter(|name| !names.contains(name)).collect();
            let lacks = lacks.iter().map(|name| name.as_str()).collect::<Vec<_>>();
            format!("all but {}", lacks.join(" "))
        }
        _ => names.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_become_names() {
        let status = "Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t000000c000001000\n";
        assert_eq!(effective(status), ["CAP_NET_ADMIN", "CAP_PERFMON", "CAP_BPF"]);
        assert_eq!(effective("CapEff:\t8000000000000001\n"), ["CAP_CHOWN", "CAP_63"]);
        assert_eq!(effective("nothing"), [""; 0]);
    }

    #[test]
    fn all_and_none_are_words() {
        assert_eq!(text(&effective("CapEff:\t000001ffffffffff\n")), "all 41");
        assert_eq!(text(&effective("CapEff:\t000001fffff7ffff\n")), "all but CAP_SYS_PTRACE");
        assert_eq!(text(&[]), "none");
    }
}
