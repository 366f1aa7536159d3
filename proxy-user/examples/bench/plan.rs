//! What is measured.

/// One load: what the two ends do with their sessions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// A message there and one of the same size back, then the next.
    Echo { size: usize, sessions: usize },
    /// Messages from the app, each when the one before has arrived.
    Push { size: usize, sessions: usize },
    /// Many small frames in one write of the app's, then the next write.
    Fan { frames: usize, size: usize, sessions: usize },
    /// Whole sessions: connection, handshake, Close both ways, end.
    Setup { sessions: usize },
    /// Plain requests on connections that are kept.
    Http { sessions: usize },
}

impl Load {
    pub(crate) fn sessions(self) -> usize {
        match self {
            Load::Echo { sessions, .. }
            | Load::Push { sessions, .. }
            | Load::Fan { sessions, .. }
            | Load::Setup { sessions }
            | Load::Http { sessions } => sessions,
        }
    }

    /// Messages (or sessions, or requests) that one turn of a session comes to. An echo is two messages.
    pub(crate) fn per_turn(self) -> usize {
        match self {
            Load::Echo { .. } => 2,
            Load::Fan { frames, .. } => frames,
            _ => 1,
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Load::Echo { size, sessions } => format!("echo {} × {sessions}", bytes(size)),
            Load::Push { size, sessions } => format!("push {} × {sessions}", bytes(size)),
            Load::Fan { frames, size, sessions } => {
                format!("fan-out {frames} frames of {} × {sessions}", bytes(size))
            }
            Load::Setup { sessions } => format!("set-up × {sessions}"),
            Load::Http { sessions } => format!("http × {sessions}"),
        }
    }
}

fn bytes(size: usize) -> String {
    if size.is_multiple_of(1024) { format!("{} KiB", size / 1024) } else { format!("{size} B") }
}

/// The loads by which two builds are compared, and the number of idle sessions: what may get worse
/// unnoticed, in about a minute.
pub(crate) fn compared(quick: bool) -> (Vec<Load>, usize) {
    let sessions = if quick { 4 } else { 64 };
    let loads = vec![
        Load::Echo { size: 64, sessions },
        Load::Echo { size: 16 * 1024, sessions },
        Load::Fan { frames: 200, size: 64, sessions },
        Load::Setup { sessions },
        Load::Http { sessions },
    ];
    (loads, if quick { 50 } else { 3000 })
}

/// The loads, and the numbers of idle sessions.
pub(crate) fn of(quick: bool) -> (Vec<Load>, Vec<usize>) {
    if quick {
        let loads = vec![
            Load::Echo { size: 64, sessions: 8 },
            Load::Echo { size: 256 * 1024, sessions: 8 },
            Load::Push { size: 64, sessions: 8 },
            Load::Fan { frames: 200, size: 64, sessions: 2 },
            Load::Setup { sessions: 4 },
            Load::Http { sessions: 4 },
        ];
        return (loads, vec![50]);
    }
    let mut loads = Vec::new();
    for size in [64, 1024, 16 * 1024, 256 * 1024] {
        loads.extend([1, 64, 1000].map(|sessions| Load::Echo { size, sessions }));
    }
    loads.extend([64, 16 * 1024].map(|size| Load::Push { size, sessions: 64 }));
    loads.push(Load::Fan { frames: 200, size: 64, sessions: 64 });
    loads.push(Load::Setup { sessions: 64 });
    loads.push(Load::Http { sessions: 64 });
    (loads, vec![1000, 9000])
}
