//! A model of the world that carries out the machine's commands, and what can happen in it.

use proptest::prelude::*;

use super::super::*;

pub(super) const IDLE: Duration = Duration::from_secs(30);
pub(super) const LIMIT: Duration = Duration::from_secs(600);

pub(super) fn seconds(seconds: u64) -> Nanos {
    Nanos(seconds * 1_000_000_000)
}

pub(super) fn failure() -> Failure {
    Failure::new("it broke")
}

/// What the driver is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Nothing,
    Starting(u32),
    Probing(u32),
    Closing(u32),
    Stopping(u32),
}

/// What happens next in a world.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happens {
    Seconds(u8),
    Sleeps(u16),
    Person,
    Request,
    /// A message counts; the machine only learns of it from the facts.
    Activity,
    Kept(bool),
    Wake,
    Suspend,
    /// The current command succeeds, or the app reports that it is idle.
    Good,
    /// The current command fails, or the app reports that it is busy.
    Bad,
    /// The check shows that the app cannot be stopped.
    Stuck,
    Exits,
    Observed(Observed),
    /// The driver is replaced.
    Replaced,
    /// A late result of an earlier attempt.
    Late(bool),
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) machine: Lifecycle,
    pub(super) facts: Facts,
    pub(super) now: Nanos,
    pub(super) doing: Doing,
    /// An operator's request is being carried out.
    pub(super) asked: bool,
    /// Somebody came after the driver was told to stop.
    pub(super) owed: bool,
    /// When it was last started.
    pub(super) started: Nanos,
}

impl World {
    pub(super) fn new() -> World {
        let now = seconds(1000);
        let facts = Facts { idle_after: Some(IDLE), busy_limit: LIMIT, ..Facts::default() };
        World {
            machine: Lifecycle::new(State::Suspended, now),
            facts,
            now,
            doing: Doing::Nothing,
            asked: false,
            owed: false,
            started: seconds(0),
        }
    }

    pub(super) fn is_due(&self) -> bool {
        let base = self.facts.activity.unwrap_or_default();
        !self.facts.kept && self.now.since(base) >= IDLE
    }

    pub(super) fn tell(&mut self, event: LifecycleEvent) {
        let before = self.machine.state();
        let told_late = matches!(before, State::Suspending(Step::Stopping { .. }));
        let wants = matches!(event, LifecycleEvent::Wanted { .. } | LifecycleEvent::Wake);
        if matches!(event, LifecycleEvent::Suspend) {
            (self.asked, self.owed) = (true, false);
        }
        if wants {
            self.asked = false;
            self.owed |= told_late;
        }
        let observed_running = event == LifecycleEvent::Observed(Observed::Running);
        let ready = matches!(event, LifecycleEvent::Ready(_));
        let own = !matches!(
            event,
            LifecycleEvent::Wake | LifecycleEvent::Observed(_) | LifecycleEvent::Replaced
        );
        let stays_awaited = event == LifecycleEvent::Replaced && before == State::Starting;
        let command = self.machine.on(event, &self.facts, self.now);
        let after = self.machine.state();
        if matches!(self.doing, Doing::Starting(_)) && after != State::Starting {
            self.doing = Doing::Nothing;
        }
        if stays_awaited {
            assert_eq!(after, State::Starting, "whoever waits for it goes on waiting");
        }
        if after == State::Running && before != State::Running {
            let undone = matches!(before, State::Suspending(_));
            assert!(observed_running || ready || undone, "{before:?} looks like a running app");
        }
        if wants && matches!(before, State::Suspending(Step::Probing { .. } | Step::Closing { .. }))
        {
            assert_eq!(after, State::Running, "the driver has not been told yet");
        }
        match command {
            None => {}
            Some(Command::Start(attempt) | Command::Await(attempt)) => {
                assert!(!matches!(self.doing, Doing::Starting(_)), "one start at a time");
                let waited = self.now.since(self.started);
                if matches!(before, State::Failed { .. }) && own {
                    assert!(waited >= FIRST_PAUSE, "a crash loop that spins");
                }
                (self.started, self.owed) = (self.now, false);
                self.doing = Doing::Starting(attempt);
            }
            Some(Command::Probe(attempt)) => {
                assert!(self.asked || self.is_due(), "checked before it was due");
                self.doing = Doing::Probing(attempt);
            }
            Some(Command::Close(attempt)) => {
                assert!(self.asked || self.is_due(), "the sessions of an app in use are ended");
                self.doing = Doing::Closing(attempt);
            }
            Some(Command::Stop(attempt)) => {
                assert!(self.asked || self.is_due(), "an app in use is stopped");
                self.doing = Doing::Stopping(attempt);
            }
        }
        self.owed &= !matches!(after, State::Running | State::Disabled);
        if after == State::Suspended {
            assert!(!self.owed, "somebody waits for an app that nobody starts");
        }
    }

    pub(super) fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Seconds(seconds) => {
                for _ in 0..seconds {
                    self.now = self.now + Duration::from_secs(1);
                    self.tell(LifecycleEvent::Tick);
                }
            }
            Happens::Sleeps(minutes) => {
                let idle = self.is_due();
                self.now = self.now + Duration::from_secs(60 * u64::from(minutes) + 11);
                let running = self.machine.state() == State::Running;
                self.tell(LifecycleEvent::Tick);
                if running && !idle {
                    assert_eq!(self.machine.state(), State::Running, "sleep is not idleness");
                }
            }
            Happens::Person => self.tell(LifecycleEvent::Wanted { person: true }),
            Happens::Request => self.tell(LifecycleEvent::Wanted { person: false }),
            Happens::Activity => self.facts.activity = Some(self.now),
            Happens::Kept(kept) => self.facts.kept = kept,
            Happens::Wake => self.tell(LifecycleEvent::Wake),
            Happens::Suspend => self.tell(LifecycleEvent::Suspend),
            Happens::Exits => {
                if let Doing::Starting(_) | Doing::Stopping(_) = self.doing {
                    self.doing = Doing::Nothing;
                }
                self.tell(LifecycleEvent::Exited(failure()));
            }
            Happens::Replaced => {
                // The old driver's command is given up.
                self.doing = Doing::Nothing;
                self.tell(LifecycleEvent::Replaced);
                let is_running = self.machine.state().is_running_or_suspending();
                assert!(!is_running, "nothing runs under the new driver");
            }
            Happens::Observed(observed) => self.tell(LifecycleEvent::Observed(observed)),
            Happens::Good | Happens::Bad => {
                let good = matches!(happens, Happens::Good);
                let event = match std::mem::replace(&mut self.doing, Doing::Nothing) {
                    Doing::Nothing => return,
                    Doing::Starting(attempt) if good => LifecycleEvent::Ready(attempt),
                    Doing::Starting(attempt) => LifecycleEvent::StartFailed(attempt, failure()),
                    Doing::Probing(attempt) if good => LifecycleEvent::Idle(attempt),
                    Doing::Probing(attempt) => LifecycleEvent::Busy(attempt),
                    Doing::Closing(attempt) => LifecycleEvent::Closed(attempt),
                    Doing::Stopping(attempt) if good => LifecycleEvent::Stopped(attempt),
                    Doing::Stopping(attempt) => LifecycleEvent::StopFailed(attempt),
                };
                self.tell(event);
            }
            Happens::Stuck => {
                let Doing::Probing(attempt) = self.doing else { return };
                self.doing = Doing::Nothing;
                let before = self.machine.state();
                self.tell(LifecycleEvent::StopFailed(attempt));
                if matches!(before, State::Suspending(Step::Probing { .. })) {
                    assert_eq!(self.machine.state(), State::Running, "nothing was ended");
                }
            }
            Happens::Late(good) => {
                let state = self.machine.state();
                self.tell(if good { LifecycleEvent::Ready(0) } else { LifecycleEvent::Stopped(0) });
                assert_eq!(
                    self.machine.state(),
                    state,
                    "the result of an old attempt has an effect"
                );
            }
        }
    }

    /// Every command succeeds, second by second.
    pub(super) fn settle(&mut self, wanted: bool, limit: u32) {
        for _ in 0..limit {
            if wanted {
                self.happen(Happens::Request);
            }
            self.happen(Happens::Good);
            self.happen(Happens::Seconds(1));
        }
    }
}

pub(super) fn happens() -> impl Strategy<Value = Happens> {
    let observed = prop_oneof![
        Just(Observed::Running),
        Just(Observed::Starting),
        Just(Observed::Suspended),
        Just(Observed::Disabled),
    ];
    prop_oneof![
        8 => (1..70_u8).prop_map(Happens::Seconds),
        1 => (0..600_u16).prop_map(Happens::Sleeps),
        3 => Just(Happens::Person),
        3 => Just(Happens::Request),
        2 => Just(Happens::Activity),
        1 => any::<bool>().prop_map(Happens::Kept),
        1 => Just(Happens::Wake),
        1 => Just(Happens::Suspend),
        8 => Just(Happens::Good),
        4 => Just(Happens::Bad),
        2 => Just(Happens::Stuck),
        2 => Just(Happens::Exits),
        1 => observed.prop_map(Happens::Observed),
        1 => Just(Happens::Replaced),
        1 => any::<bool>().prop_map(Happens::Late),
    ]
}
