//! The processes of an app without a cgroup: those of its session and process group, its descendants, and those
//! whose environment has its mark. A program that leaves all three is not found.

use serde::{Deserialize, Serialize};

use super::table::{self, Process};

/// The name of the mark in the environment.
pub(super) const MARK: &str = "EBBTIDE_RUN";

/// One run of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// The value of [`MARK`].
    mark: String,
    /// Its first process; `None` = not known yet.
    leader: Option<Leader>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Leader {
    id: i32,
    /// As in [`Process`].
    start: u64,
}

impl Session {
    /// A run that has no process yet.
    pub(super) fn new(mark: String) -> Session {
        Session { mark, leader: None }
    }

    /// Its first process has this id, and has not been reaped.
    pub(super) fn lead(&mut self, id: i32) {
        self.leader = table::one(id).map(|process| Leader { id, start: process.start });
    }

    /// Its processes, except those that have ended.
    pub(super) fn processes(&self) -> Vec<i32> {
        let line = format!("{MARK}={}", self.mark);
        self.members(&table::all(), |process| table::has_line(process.id, &line))
    }

    /// `is_marked`: asked only about processes that could be its own.
    fn members(&self, all: &[Process], is_marked: impl Fn(&Process) -> bool) -> Vec<i32> {
        let started = self.leader.map_or(0, |leader| leader.start);
        let belongs = |process: &Process| {
            let led = self.leader.is_some_and(|leader| {
                // Another process may have got the id after all of ours were gone.
                let same = all.iter().all(|one| one.id != leader.id || one.start == leader.start);
                same && [process.id, process.session, process.group].contains(&leader.id)
            });
            led || (process.start >= started && is_marked(process))
        };
        let mut members: Vec<i32> =
            all.iter().filter(|process| belongs(process)).map(|process| process.id).collect();
        let mut next = 0;
        while let Some(&parent) = members.get(next) {
            let children = all.iter().filter(|one| one.parent == parent).map(|one| one.id);
            let new: Vec<i32> = children.filter(|id| !members.contains(id)).collect();
            members.extend(new);
            next += 1;
        }
        let dead = |id: &i32| all.iter().any(|process| process.id == *id && process.is_dead);
        members.retain(|id| !dead(id));
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: i32, parent: i32, session: i32, start: u64) -> Process {
        Process { id, parent, group: session, session, start, is_dead: false }
    }

    fn session() -> Session {
        Session { mark: "x".to_owned(), leader: Some(Leader { id: 10, start: 100 }) }
    }

    #[test]
    fn session_descendants_and_marked_ones_belong() {
        let all = [
            process(1, 0, 1, 0),
            process(10, 5, 10, 100),
            process(11, 1, 10, 110),
            process(12, 11, 12, 110),
            process(13, 12, 12, 111),
            process(14, 1, 14, 120),
            process(15, 1, 15, 90),
        ];
        let marked = |process: &Process| process.id >= 14;
        assert_eq!(session().members(&all, marked), [10, 11, 14, 12, 13], "15 is older");
        let nobody = Session::new("x".to_owned());
        assert_eq!(nobody.members(&all, |_| false), [0; 0]);
    }

    #[test]
    fn the_dead_do_not_count_but_their_children_do() {
        let mut all = [process(10, 5, 10, 100), process(11, 10, 11, 110)];
        all[0].is_dead = true;
        assert_eq!(session().members(&all, |_| false), [11]);
    }

    #[test]
    fn whoever_got_the_number_later_is_a_stranger() {
        let all = [process(10, 5, 10, 500), process(11, 10, 10, 510)];
        assert_eq!(session().members(&all, |_| false), [0; 0]);
    }
}
