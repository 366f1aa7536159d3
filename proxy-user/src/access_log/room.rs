//! Lines between those who add them and the one who writes them.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How many bytes of lines may wait: some ten thousand lines.
pub(super) const MOST: usize = 4 << 20;

/// How long lines are collected before they are taken. Without it, each request would wake the writer, which costs
/// as much as the request.
const COLLECT: Duration = Duration::from_millis(20);
/// Lines are taken earlier when there are so many bytes.
const ENOUGH: usize = MOST / 4;

/// Lines that wait.
#[derive(Debug, Default)]
pub(super) struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// Lines for which there was no room.
    dropped: u64,
    /// No lines are added any more.
    closed: bool,
    /// All lines have been written.
    done: bool,
}

/// What the writer takes.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) lines: Vec<u8>,
    /// There will be no more.
    pub(super) last: bool,
}

impl Room {
    /// Adds a line, or counts it if there is no room.
    pub(super) fn add(&self, line: &[u8]) {
        let mut state = self.state.lock();
        if state.lines.len() + line.len() > MOST {
            state.dropped += 1;
            return;
        }
        let before = state.lines.len();
        state.lines.extend_from_slice(line);
        let wakes = before == 0 || before < ENOUGH && state.lines.len() >= ENOUGH;
        drop(state);
        if wakes {
            self.changed.notify_one();
        }
    }

    /// Waits for lines, at most so long if that is given, and takes all of them.
    pub(super) fn take(&self, limit: Option<Duration>) -> Taken {
        let mut state = self.state.lock();
        let waits = |state: &mut State| state.lines.is_empty() && !state.closed;
        match limit {
            Some(limit) => {
                self.changed.wait_while_for(&mut state, waits, limit);
            }
            None => self.changed.wait_while(&mut state, waits),
        }
        if !state.lines.is_empty() {
            let collects = |state: &mut State| state.lines.len() < ENOUGH && !state.closed;
            self.changed.wait_while_for(&mut state, collects, COLLECT);
        }
        Taken { lines: std::mem::take(&mut state.lines), last: state.closed }
    }

    /// The number of lines that were dropped since the last call.
    pub(super) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.state.lock().dropped)
    }

    /// The writer has written everything.
    pub(super) fn done(&self) {
        self.state.lock().done = true;
        self.changed.notify_all();
    }

    /// Waits until everything is written; false = it is not, after this time.
    pub(super) fn close(&self, limit: Duration) -> bool {
        let mut state = self.state.lock();
        state.closed = true;
        self.changed.notify_all();
        !self.changed.wait_while_for(&mut state, |state| !state.done, limit).timed_out()
    }
}
