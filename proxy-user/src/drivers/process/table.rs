//! The machine's processes, as `/proc` lists them.

use std::fs;

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) id: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// When it started, in clock ticks since boot. Together with the id this identifies a process for ever.
    pub(super) start: u64,
    /// It has ended, and its parent has not waited for it yet.
    pub(super) is_dead: bool,
}

/// All processes that this one can see.
pub(super) fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(one).collect()
}

/// The process with this id.
pub(super) fn one(id: i32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// proc_pid_stat(5). The name, the second field, may contain anything: the last `)` ends it.
fn parse(stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let id = head.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    // The first of these is the third in the manual.
    let number = |place: usize| fields.get(place - 3)?.parse::<i32>().ok();
    Some(Process {
        id,
        parent: number(4)?,
        group: number(5)?,
        session: number(6)?,
        start: fields.get(22 - 3)?.parse().ok()?,
        is_dead: matches!(fields.first(), Some(&("Z" | "X"))),
    })
}

/// Whether its environment has this line. The environment of other users' processes, and of those that have more
/// capabilities than this one, cannot be read.
pub(super) fn has_line(id: i32, line: &str) -> bool {
    let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|one| one == line.as_bytes())
}

/// Sends a signal. Nothing happens if there is no such process.
pub(super) fn signal(id: i32, signal: i32) {
    // 0 and negative numbers stand for whole groups, or for all processes.
    if id > 0 {
        // SAFETY: kill takes plain numbers.
        unsafe { libc::kill(id, signal) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_anything() {
        let line = "77 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21\n";
        let expected =
            Process { id: 77, parent: 1, group: 2, session: 3, start: 4711, is_dead: false };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("77 (x) Z 1"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn this_process_is_in_the_list() {
        let own = i32::try_from(std::process::id()).unwrap();
        let listed = all();
        let found = listed.iter().find(|process| process.id == own).unwrap();
        assert_eq!(one(own).map(|process| process.start), Some(found.start));
        assert!(!has_line(own, "no such line"));
    }
}
