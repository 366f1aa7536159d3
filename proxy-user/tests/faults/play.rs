//! Plays one cell: brings a session to the moment, lets the fault happen, and goes on until both sides
//! have seen the end of it and the proxy holds nothing of it any more.

use std::time::Duration;

use crate::harness::frame::Frame;
use crate::harness::session::{Role, consent, upgrade};
use crate::harness::wait::{PATIENCE, Stopwatch, eventually, pause};
use crate::matrix::{Cell, Fault, Moment, Who};
use crate::party::{FILLING, Party};
use crate::scene::Scene;
use crate::strike::DRIBBLE;

/// Time between two steps of both parties.
const STEP: Duration = Duration::from_millis(20);
/// Both parties of a cell.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) cell: Cell,
    pub(crate) survivor: Party,
    pub(crate) culprit: Party,
    /// The side at fault still does anything.
    pub(crate) culprit_acts: bool,
    /// What is left of its unfinished frame.
    pub(crate) rest: Vec<u8>,
    /// From the fault to the survivor's news of it, and to the release of all that the proxy held.
    pub(crate) told: Option<Duration>,
    pub(crate) released: Option<Duration>,
}

impl Play {
    /// From the first byte to the last.
    pub(crate) fn run(scene: &mut Scene, cell: Cell) -> Play {
        let mut play = Play::handshake(scene, cell);
        if cell.moment != Moment::Handshake {
            play.agree();
            play.open();
            play.reach(scene);
        }
        let watch = Stopwatch::start();
        let before = play.survivor.watch.elapsed();
        play.strike(scene);
        if cell.fault == Fault::Slow {
            play.get_well();
        }
        play.until("the survivor has seen the end", |play| play.survivor.is_gone());
        play.told = play.survivor.saw.news.map(|news| news.saturating_sub(before));
        play.await_release(scene);
        play.released = Some(watch.elapsed());
        if cell.fault != Fault::Vanish {
            play.culprit_acts = true;
            play.until("the side at fault has seen the end", |play| play.culprit.is_gone());
        }
        play
    }

    /// The client has sent its request and the app has it.
    fn handshake(scene: &Scene, cell: Cell) -> Play {
        let mut client = Party::new(&scene.connect(), Role::Client);
        client.send(upgrade("demo.test", "/stream", ""));
        if cell.is(Who::Client, Fault::Slow, Moment::Handshake) {
            client.habit.writes = DRIBBLE;
        }
        let server = eventually("the proxy connects to the app", || {
            client.step();
            scene.app.accept_within(STEP)
        });
        client.habit.writes = usize::MAX;
        let server = Party::new(&server, Role::App);
        let (survivor, culprit) = match cell.who {
            Who::Client => (server, client),
            Who::App => (client, server),
        };
        let mut play = Play {
            cell,
            survivor,
            culprit,
            culprit_acts: true,
            rest: Vec::new(),
            told: None,
            released: None,
        };
        play.until("the app has the request", |play| play.server().saw.head.is_some());
        play
    }

    fn server(&self) -> &Party {
        match self.cell.who {
            Who::Client => &self.survivor,
            Who::App => &self.culprit,
        }
    }

    /// The app agrees to the handshake.
    pub(crate) fn agree(&mut self) {
        match self.cell.who {
            Who::Client => self.survivor.send(consent("")),
            Who::App => self.culprit.send(consent("")),
        }
    }

    /// A frame each way.
    pub(crate) fn open(&mut self) {
        self.until("the client has the 101", |play| {
            [&play.survivor, &play.culprit].iter().all(|party| party.saw.head.is_some())
        });
        self.survivor.say(Frame::binary([FILLING; 10]));
        self.culprit.say(Frame::binary([FILLING; 10]));
        self.until("a frame each way", |play| {
            play.survivor.saw.data > 0 && play.culprit.saw.data > 0
        });
    }

    /// Time passes, and the session must outlast it.
    pub(crate) fn last(&mut self, time: Duration) {
        self.pass(time);
        assert!(self.survivor.saw.news.is_none(), "a slow peer was given up: {self:?}");
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let watch = Stopwatch::start();
        while watch.elapsed() < time {
            self.step();
        }
    }

    fn step(&mut self) {
        self.survivor.step();
        if self.culprit_acts {
            self.culprit.step();
        }
        pause(STEP);
    }

    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Play) -> bool) {
        let watch = Stopwatch::start();
        while !done(self) {
            assert!(watch.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}; {self:?}");
            self.step();
        }
    }

    /// Goes on until the proxy has let go of the session, whatever the side at fault does or not.
    fn await_release(&mut self, scene: &mut Scene) {
        let watch = Stopwatch::start();
        while !scene.is_released() {
            assert!(watch.elapsed() < PATIENCE, "held after {PATIENCE:?}; {self:?}");
            self.pass(5 * STEP);
        }
    }
}
