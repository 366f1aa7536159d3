//! The guard's own process.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::message::Message;
use crate::drivers::process::group::Group;
use crate::drivers::process::place;

/// Time between two checks whether all have ended.
const LOOK: Duration = Duration::from_millis(20);
/// How often to check for processes that survive SIGKILL: a minute in all.
const LOOKS: u32 = 3000;
/// How often to check whether Ebbtide's own process has left its cgroup: 5 seconds in all.
const LAST_LOOKS: u32 = 250;

/// Reads from standard input what to kill, and kills it when standard input is closed. Then removes Ebbtide's
/// cgroups.
pub fn run(root: Option<&Path>) {
    // SAFETY: the name is a C string that lives for ever.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"app-guard".as_ptr()) };
    close_others();
    // So that a new Ebbtide does not take it for abandoned.
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
    // Those of former Ebbtides, from which this one had taken apps over.
    places
        .iter()
        .filter(|place| Some(place.as_path()) != root)
        .for_each(|place| place::remove_abandoned(place));
    let Some(root) = root else { return };
    // The kernel closes a process's descriptors before it removes the process from its cgroup. Apps that another
    // Ebbtide has taken over stay there.
    for _ in 0..LAST_LOOKS {
        if place::leave(root).is_ok() {
            return;
        }
        thread::sleep(LOOK);
    }
}

/// Reads messages to the end. Returns what is to be killed then.
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
            // An Ebbtide that is killed while it writes leaves half a line.
            Err(_) => {}
        }
    }
    watched.into_values().collect()
}

/// Closes inherited descriptors. Kernels before 5.11 cannot do that at exec.
fn close_others() {
    let listed = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<libc::c_int> =
        listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: this process has opened none of them. The list's own descriptor is closed already, so closing
        // it fails without effect.
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
