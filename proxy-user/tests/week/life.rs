//! One app's week: the script is played, and a driver that is made up does what the lifecycle wants.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ebbtide::config::Config;
use ebbtide::core::arrival::{self, Arrival};
use ebbtide::core::gate::Reason;
use ebbtide::core::lifecycle::{Command, Failure, LifecycleEvent as Event, State, Step};
use ebbtide::core::time::Nanos;
use ebbtide::core::work::{By, Key, Scope, Sign};
use ebbtide::events::Events;
use ebbtide::session::{App, Order, Orders};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::oracle::{Oracle, SWEEP};
use crate::payload::Random;
use crate::world::{Deed, World};

/// For so long after activity an app is used.
const USED: Duration = Duration::from_secs(60);
/// How long an app that says that it is busy, or could not be stopped, is left alone.
const PAUSE: Duration = Duration::from_secs(60);
/// A shorter time in which nothing is heard is no sleep.
const NAP: Duration = Duration::from_secs(10);

/// What came of weeks.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) apps: u32,
    pub(crate) lived: Duration,
    pub(crate) used: Duration,
    pub(crate) busy: Duration,
    pub(crate) idle: Duration,
    pub(crate) asleep: Duration,
    pub(crate) suspends: u64,
    pub(crate) wakes: u64,
    pub(crate) failed: u64,
    pub(crate) called_off: u64,
    pub(crate) crashes: u64,
    pub(crate) polls: u64,
    /// How long after it was due a suspension began at most.
    pub(crate) latest: Duration,
    /// What must not be, in words.
    pub(crate) broken: Vec<String>,
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Outcome) {
        self.apps += other.apps;
        self.lived += other.lived;
        self.used += other.used;
        self.busy += other.busy;
        self.idle += other.idle;
        self.asleep += other.asleep;
        self.suspends += other.suspends;
        self.wakes += other.wakes;
        self.failed += other.failed;
        self.called_off += other.called_off;
        self.crashes += other.crashes;
        self.polls += other.polls;
        self.latest = self.latest.max(other.latest);
        self.broken.extend(other.broken);
    }
}

struct Life {
    app: Arc<App>,
    orders: UnboundedReceiver<Order>,
    random: Random,
    oracle: Oracle,
    outcome: Outcome,
    /// What the driver will say, by time and number.
    answers: BTreeMap<(Nanos, u64), Event>,
    said: u64,
    /// Somebody waits before the page, or with a request.
    waiting: bool,
    /// An operator wants it suspended.
    asked: bool,
    /// Stops in a row that failed.
    failed_stops: u32,
    /// Work that the app alone knows of, and whether it has been told when asked.
    jobs: u32,
    told: bool,
}

/// Lets one app live through its week.
pub(crate) fn live(world: &World) -> Outcome {
    let mut life = Life::new(world);
    let mut script = world.script.iter().copied().peekable();
    let mut tick = Nanos(0) + SWEEP / 2;
    let end = Nanos(0) + world.week;
    let (sleeps, wakes) = world.sleep;
    let mut heard = Nanos(0);
    while tick < end {
        let deed = script.peek().map_or(end, |(at, _)| *at);
        let answer = life.answers.first_key_value().map_or(end, |((at, _), _)| *at);
        let mut now = tick.min(deed).min(answer);
        if (sleeps..wakes).contains(&now) {
            // All is as it was when the machine wakes; who wanted something meanwhile found nobody.
            now = wakes;
            tick = tick.max(wakes);
            if now >= end {
                break;
            }
        }
        let gap = now.since(heard);
        if gap > NAP {
            life.oracle.slept(gap, now);
        }
        heard = now;
        if answer <= now {
            let (_, event) = life.answers.pop_first().unwrap();
            life.answer(event, now);
        } else if deed <= now {
            let (at, deed) = script.next().unwrap();
            if !(sleeps..wakes).contains(&at) || matches!(deed, Deed::WorkEnds(_) | Deed::JobEnds) {
                life.deed(deed, now);
            }
        } else {
            life.tick(now);
            tick = now + SWEEP;
        }
    }
    life.finish()
}

impl Life {
    fn new(world: &World) -> Life {
        let text = format!(
            "[[app]]\nname = 'app-{}'\nidle_after = '{}ms'\nbusy_limit = '{}ms'\n\
             [app.driver]\nkind = 'process'\ncommand = ['true']\n",
            world.seed,
            world.idle_after.as_millis(),
            world.busy_limit.as_millis()
        );
        let mut parsed = Config::parse(&text, Path::new("week.toml")).unwrap();
        let (orders, taken) = Orders::channel();
        let config = parsed.config.apps.remove(0);
        let app = App::new(config, Arc::default(), (Events::default(), orders), 0, Nanos(0));
        Life {
            app: Arc::new(app),
            orders: taken,
            random: Random::seeded(!world.seed),
            oracle: Oracle::new(world.idle_after, world.busy_limit),
            outcome: Outcome { apps: 1, lived: world.week, ..Outcome::default() },
            answers: BTreeMap::new(),
            said: 0,
            waiting: false,
            asked: false,
            failed_stops: 0,
            jobs: 0,
            told: false,
        }
    }

    fn state(&self) -> State {
        self.app.life.status().state
    }

    fn drive(&mut self, event: Event, now: Nanos) {
        self.app.drive(event, now);
        while let Ok(Order { command, .. }) = self.orders.try_recv() {
            self.command(command, now);
        }
        if !matches!(self.state(), State::Suspending(_)) {
            self.asked = false;
        }
        if self.waiting && self.app.life.runs() {
            self.waiting = false;
            self.count(Reason::Request, now);
        }
    }

    /// The driver is told something, and will say what came of it.
    fn command(&mut self, command: Command, now: Nanos) {
        let (event, within) = match command {
            Command::Start(attempt) | Command::Await(attempt) => match self.random.below(20) {
                0 => (Event::StartFailed(attempt, Failure::new("no")), 5_000),
                _ => (Event::Ready(attempt), 20_000),
            },
            Command::Probe(attempt) => {
                if !self.asked {
                    self.oracle.suspends(now);
                }
                match self.jobs {
                    _ if self.random.below(50) == 0 => (Event::StopFailed(attempt), 500),
                    0 => (Event::Idle(attempt), 500),
                    _ => (Event::Busy(attempt), 500),
                }
            }
            Command::Close(attempt) => (Event::Closed(attempt), 1_000),
            Command::Stop(attempt) => {
                if !self.asked {
                    self.oracle.stopped(now);
                }
                match self.random.below(20) {
                    0 => (Event::StopFailed(attempt), 8_000),
                    _ => (Event::Stopped(attempt), 8_000),
                }
            }
        };
        let at = now + Duration::from_millis(1 + self.random.below(within) as u64);
        self.said += 1;
        self.answers.insert((at, self.said), event);
    }

    fn answer(&mut self, event: Event, now: Nanos) {
        match (&event, self.state()) {
            (Event::Ready(_), State::Starting) => self.oracle.used(now),
            (Event::Busy(_), State::Suspending(Step::Probing { .. })) => {
                self.told = true;
                self.oracle.excuse(now + PAUSE);
            }
            // That it is at work no more is known only now.
            (Event::Idle(_), State::Suspending(Step::Probing { .. }))
                if std::mem::take(&mut self.told) =>
            {
                self.oracle.used(now);
            }
            (Event::Stopped(_), State::Suspending(Step::Stopping { .. })) => self.is_down(now),
            (Event::StopFailed(_), State::Suspending(Step::Probing { .. })) => {
                self.oracle.excuse(now + PAUSE);
            }
            (Event::StopFailed(_), State::Suspending(Step::Stopping { .. })) => {
                self.oracle.excuse(now + PAUSE * 2_u32.pow(self.failed_stops));
                self.failed_stops += 1;
                self.told = false;
            }
            _ => {}
        }
        self.drive(event, now);
    }

    /// Its process is gone, with all that it did and all its connections.
    fn is_down(&mut self, now: Nanos) {
        (self.jobs, self.told, self.failed_stops) = (0, false, 0);
        for key in self.oracle.works() {
            if let Scope::Connection(number) = scope(key) {
                self.app.close_work(now, number);
            }
        }
        self.oracle.is_down(now);
    }

    fn tick(&mut self, now: Nanos) {
        self.app.tick_work(now);
        self.drive(Event::Tick, now);
        let state = self.state();
        if state == State::Running {
            self.oracle.runs(now);
        }
        let is_used = self.app.gate.newest().is_some_and(|newest| now.since(newest.at) < USED);
        let outcome = &mut self.outcome;
        *match state {
            State::Suspended | State::Failed { .. } | State::Disabled => &mut outcome.asleep,
            _ if is_used => &mut outcome.used,
            _ if self.oracle.is_at_work(now) || self.told => &mut outcome.busy,
            _ => &mut outcome.idle,
        } += SWEEP;
    }

    fn deed(&mut self, deed: Deed, now: Nanos) {
        let runs = self.app.life.runs();
        match deed {
            Deed::Visit => self.arrive(Arrival::Person, now),
            Deed::Request => self.arrive(Arrival::Other, now),
            // Their session is still open, whoever thinks of suspending the app.
            Deed::Input
                if runs || matches!(self.state(), State::Suspending(Step::Probing { .. })) =>
            {
                self.count(Reason::Input, now);
            }
            Deed::Input => self.arrive(Arrival::Person, now),
            Deed::Poll => {
                let before = self.state();
                self.arrive(Arrival::Poll, now);
                assert_eq!(self.state(), before);
                self.outcome.polls += u64::from(before == State::Suspended);
            }
            Deed::WorkBegins(key) if runs => {
                self.oracle.work_begins(key, now);
                let by = By::Person;
                let (after, lapse) = (Duration::ZERO, None);
                let key = Key { scope: scope(key), id: key };
                self.app
                    .note_work(now, [Sign::Began { key, rule: "work".into(), by, after, lapse }]);
            }
            Deed::WorkEnds(key) if self.oracle.works().contains(&key) => {
                self.oracle.work_ends(key, now);
                self.app.note_work(now, [Sign::Ended(Key { scope: scope(key), id: key })]);
            }
            Deed::WorkBegins(_) | Deed::WorkEnds(_) => {}
            Deed::JobBegins => self.jobs += u32::from(runs),
            Deed::JobEnds => self.jobs = self.jobs.saturating_sub(1),
            Deed::Suspend => {
                self.asked = true;
                self.drive(Event::Suspend, now);
            }
            Deed::Crash => {
                if matches!(self.state(), State::Running | State::Suspending(_)) {
                    self.outcome.crashes += 1;
                    self.is_down(now);
                    self.drive(Event::Exited(Failure::new("it crashed")), now);
                }
            }
        }
    }

    fn arrive(&mut self, arrival: Arrival, now: Nanos) {
        if let Some(event) = arrival::knock(self.state(), arrival) {
            self.oracle.used(now);
            // What it said before is void, as idleness counts from now.
            self.told = false;
            self.waiting = true;
            self.drive(event, now);
        } else if arrival != Arrival::Poll {
            self.count(Reason::Request, now);
        }
    }

    fn count(&mut self, reason: Reason, now: Nanos) {
        self.oracle.activity(now);
        self.app.note(now, reason);
    }

    fn finish(self) -> Outcome {
        let totals = self.app.lives.totals();
        Outcome {
            suspends: totals.suspends[0],
            called_off: totals.suspends[2],
            wakes: totals.wakes[0],
            failed: totals.wakes[1],
            latest: self.oracle.latest,
            broken: self.oracle.broken,
            ..self.outcome
        }
    }
}

/// Some work belongs to a connection, some to what goes on whoever looks.
fn scope(key: u64) -> Scope {
    match key % 2 {
        0 => Scope::Connection(key),
        _ => Scope::Named(key),
    }
}
