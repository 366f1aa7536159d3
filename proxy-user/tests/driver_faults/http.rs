//! `kind = "http"`: each fault of a control plane as an app is woken, as it runs and is to be suspended, and as
//! Ebbtide starts in front of an app that runs.

use crate::Fault as Played;
use crate::harness::scratch::Scratch;
use crate::harness::wait::{Stopwatch, started};
use crate::plane::{Fault, Plane};
use crate::running::{goes_on, is_reached};
use crate::scene::Scene;
use crate::start::fails_often;
use crate::table::Row;

/// Each fault, what it is called, what is said of a start, and of a suspension.
const FAULTS: [(Fault, &str, &str, &str); 10] = [
    (Fault::Refused, "refuses connections", "Connection refused", "Connection refused"),
    (Fault::Status500, "500", "answered 500", "answered 500"),
    (Fault::Status404, "404", "answered 404", "answered 404"),
    (Fault::Slow, "slow", "timed out", "timed out"),
    (Fault::NoHttp, "no HTTP", "failed: ", "failed: "),
    (Fault::NoJson, "200 without JSON", "it accepted no connection on", "no JSON"),
    (Fault::Redirect, "redirect", "redirects are not followed", "redirects are not followed"),
    (Fault::NoTls, "no TLS", "failed: ", "failed: "),
    (Fault::Untrusted, "certificate that nobody signed", "certificate", "certificate"),
    (
        Fault::NeverChanges,
        "state that never changes",
        "it accepted no connection on",
        "still running when `stop_timeout` is over",
    ),
];

pub(crate) fn faults() -> Vec<Played> {
    let mut all: Vec<Played> = Vec::new();
    for (fault, name, waking, suspending) in FAULTS {
        all.push((format!("{name}, at a wake"), Box::new(move || at_a_wake(fault, waking))));
        all.push((
            format!("{name}, at a suspension"),
            Box::new(move || at_a_suspension(fault, suspending)),
        ));
        if fault != Fault::NeverChanges {
            let play = Box::new(move || at_the_start(fault));
            all.push((format!("{name}, as Ebbtide starts"), play));
        }
    }
    all
}

/// A control plane, and Ebbtide, which asks it by TLS where that is the fault.
struct Play {
    plane: Plane,
    scene: Scene,
    app: String,
    watch: Stopwatch,
}

impl Play {
    fn start(plane: Plane, fault: Fault, lines: &str) -> Play {
        let app = format!("upstream = \"http://{}\"\n{lines}", plane.app_address());
        let scene = Scene::start(Scratch::new(), &app, &driver(&plane, fault));
        Play { plane, scene, app, watch: Stopwatch::start() }
    }

    /// From well to this fault, or back.
    fn change(&self, from: Fault, to: Fault) {
        let answered = self.plane.answered();
        self.plane.is(to);
        if is_by_tls(from) || is_by_tls(to) {
            self.scene.proxy.reconfigure(&Scene::setup(&self.app, &driver(&self.plane, to)));
        }
        if is_by_tls(from) {
            let asked = || (self.plane.answered() > answered).then_some(());
            started("it is asked without TLS", asked);
        }
    }

    /// It was asked no more than for so many wishes, each of which is followed by so many looks, and for a look
    /// each 30 s.
    fn was_asked_little(&self, wishes: u64, looks: u64) {
        let (asked, seconds) = (self.plane.asked(), self.watch.elapsed().as_secs());
        // The first looks are those of a start and of another configuration.
        let most = wishes * (1 + looks) + 2 + seconds / 30 + 1;
        assert!(asked <= most, "asked {asked} times in {seconds} s, not {most} at most");
        assert!(!self.plane.was_followed());
    }

    /// The look that is made each 30 s has failed, and the log has said so.
    fn await_blind(&self, fault: Fault) {
        if fault != Fault::NeverChanges {
            started("nobody can see it", || (self.scene.blind() == 1).then_some(()));
        }
    }
}

fn is_by_tls(fault: Fault) -> bool {
    matches!(fault, Fault::NoTls | Fault::Untrusted)
}

fn driver(plane: &Plane, fault: Fault) -> String {
    let scheme = if is_by_tls(fault) { "https" } else { "http" };
    let url = format!("{scheme}://{}/apps/{{app}}", plane.address());
    format!("kind = \"http\"\nurl = {url:?}\nready_timeout = \"3s\"\nstop_timeout = \"5s\"")
}

fn at_a_wake(fault: Fault, words: &str) -> Row {
    let play = Play::start(Plane::start(fault), fault, "");
    // A slow one has twice 10 s for each start.
    let often = if fault == Fault::Slow { 1 } else { 3 };
    fails_often(&play.scene, words, often, |scene| {
        play.await_blind(fault);
        // One may be under way.
        play.was_asked_little(scene.wakes("failure") + 1, 1);
        play.change(fault, Fault::Nothing);
    })
}

fn at_a_suspension(fault: Fault, words: &str) -> Row {
    let play = Play::start(Plane::start(Fault::Nothing), Fault::Nothing, "idle_after = \"4s\"");
    assert_eq!(play.scene.ask().text(), "the app");
    play.change(Fault::Nothing, fault);
    goes_on(&play.scene, words, |scene| {
        play.await_blind(fault);
        assert_eq!((scene.ask().text(), scene.visit().text()), ("the app", "the app"));
        assert_eq!((scene.wakes("success"), scene.wakes("failure")), (1, 0));
        // Looks within `stop_timeout`, with pauses of 250 ms, 500 ms and on.
        play.was_asked_little(2, 5);
        play.change(fault, Fault::Nothing);
    })
}

/// Nobody can know that the app runs but by itself.
fn at_the_start(fault: Fault) -> Row {
    let plane = Plane::start(fault);
    plane.start_app();
    let play = Play::start(plane, fault, "");
    is_reached(&play.scene, |_| {
        play.was_asked_little(1, 2);
        play.change(fault, Fault::Nothing);
    })
}
