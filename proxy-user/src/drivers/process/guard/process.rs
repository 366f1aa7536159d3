//! The guard's own process.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::message::Message;
use crate::drivers::process::group::Group;
use crate::drivers::process::place;

/// Between two looks whether all have ended.
const LOOK: Duration = Duration::from_millis(20);
/// So many looks, of what does not end by SIGKILL: a minute.
const LOOKS: u32 = 3000;
/// So many looks whether Ebbtide's own process is gone from its cgroup: 5 seconds.
const LAST_LOOKS: u32 = 250;

/// Hears on standard input what to end, and ends it when that is closed. Then removes the cgroups of the
/// Ebbtide that was.
pub fn run(root: Option<&Path>) {
    // SAFETY: the name is a C string that lives for ever.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"app-guard".as_ptr()) };
    close_others();
    // What a new Ebbtide would take for abandoned is in hand here.
    let _lock = root.and_then(|root| place::lock(root).ok());
    let mut watched = listen(io::stdin().lock());
    let places: BTreeSet<_> = watched.iter().filter_map(Group::place).map(Path::to_owned).collect();
    for _ in 0..LOOKS {
        watched.retain(|group| {
            group.kill();
            !group.is_empty() || group.remove().is_err()
        });
        if watched.is_empty() {
            break;
        }
        thread::sleep(LOOK);
    }
    // Of Ebbtides from which that one had taken apps over.
    places
        .iter()
        .filter(|place| Some(place.as_path()) != root)
        .for_each(|place| place::remove_abandoned(place));
    let Some(root) = root else { return };
    // The kernel closes a process's descriptors before it takes it out of its cgroup. Apps that another
    // Ebbtide has taken over stay there.
    for _ in 0..LAST_LOOKS {
        if place::leave(root).is_ok() {
            return;
        }
        thread::sleep(LOOK);
    }
}

/// What is to be ended when nobody tells any more.
fn listen(words: impl BufRead) -> Vec<Group> {
    let mut watched = BTreeMap::new();
    for line in words.lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(Message::Watch { id, group }) => _ = watched.insert(id, group),
            Ok(Message::Leads(id, leader)) => {
                if let Some(Group::Session(session)) = watched.get_mut(&id) {
                    session.lead(leader);
                }
            }
            Ok(Message::Forget(id)) => _ = watched.remove(&id),
            // Half a line is what an Ebbtide leaves that is killed while it writes.
            Err(_) => {}
        }
    }
    watched.into_values().collect()
}

/// Closes what was inherited: kernels before 5.11 could not be told to.
fn close_others() {
    let listed = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<libc::c_int> =
        listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: this process has opened none of them, and the list's own is closed already, which is
        // an error without effect.
        unsafe { libc::close(number) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_and_not_taken_back_is_ended() {
        let group = |name: &str| Group::Cgroup(name.into());
        let messages = [
            Message::Watch { id: 1, group: group("/one") },
            Message::Watch { id: 2, group: group("/two") },
            Message::Watch { id: 1, group: group("/three") },
            Message::Leads(9, 9),
            Message::Forget(2),
            Message::Forget(3),
        ];
        let lines = messages.map(|message| serde_json::to_string(&message).unwrap()).join("\n");
        let text = format!("nonsense\n{lines}\n{{\"watch\":{{\"id\"");
        assert_eq!(listen(text.as_bytes()), [group("/three")]);
    }
}
