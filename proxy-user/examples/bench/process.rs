//! What the kernel says of a process and its children.

use std::{fs, time::Duration};

/// Processor time of a process, its threads and its children so far.
pub(crate) fn cpu(pid: u32) -> Duration {
    let mut ns = 0;
    for pid in family(pid) {
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            ns += text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Duration::from_nanos(ns)
}

/// Resident bytes of a process and its children.
pub(crate) fn resident(pid: u32) -> i64 {
    let kib = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse::<i64>().ok()).unwrap_or(0)
    };
    family(pid).into_iter().map(kib).sum::<i64>() * 1024
}

fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok());
    let mut family = vec![pid];
    family.extend(children.flat_map(self::family));
    family
}

/// Leaves the other cores to the proxies.
pub(crate) fn pin_to_last_core() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // SAFETY: the set is one of our own, all zeros is an empty one, and the number is below its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cores - 1, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}
