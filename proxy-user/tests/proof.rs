//! The promise of the reaper, at full size: 20 clients that freeze in mid-stream, 20 that read
//! 4 KB/s and 20 normal ones, one minute, once for each source. 20 are reaped, the others stay.
//!
//! Needs root. `EBBTIDE_PROOF=1 cargo test --test proof -- --nocapture`; otherwise ignored.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "figures are printed; a proof that cannot go on stops and says why"
)]

mod harness;

use std::time::Duration;

use harness::app::App;
use harness::cgroup::Cgroup;
use harness::frame::Frame;
use harness::namespace::{Namespace, is_root};
use harness::proxy::Proxy;
use harness::session::{Peer, open_over};
use harness::setup::Setup;
use harness::traffic::{self, CRAWL, EAGER, Pace, STEADY, Traffic};
use harness::wait::{Stopwatch, pause};
use harness::wire::Wire;
use libtest_mimic::{Arguments, Failed, Trial};

const GRACE: Duration = Duration::from_secs(10);
/// What the sweep and the clock may add.
const SLACK: Duration = Duration::from_secs(2);
const MINUTE: Duration = Duration::from_secs(60);
const EACH: usize = 20;
const FROZEN: &str = "frozen";
const SLOW: &str = "slow (4 KB/s)";
const NORMAL: &str = "normal";

fn main() {
    let mut arguments = Arguments::from_args();
    // One at a time: the figures are of one proxy on an otherwise idle machine.
    arguments.test_threads = Some(1);
    let wanted = std::env::var_os("EBBTIDE_PROOF").is_some_and(|v| v == "1") && is_root();
    let trials = [("tcp_info", "tcp-info"), ("ebpf", "ebpf")].map(|(module, source)| {
        let name = format!("{module}::20_frozen_20_slow_20_normal_for_a_minute");
        Trial::test(name, move || prove(source)).with_ignored_flag(!wanted)
    });
    libtest_mimic::run(&arguments, trials.into()).exit();
}

/// One client and what became of it.
struct Subject {
    kind: &'static str,
    client: Peer,
    server: Peer,
    reading: Option<Traffic>,
    /// Runs since the freeze; for the others, since about then.
    since: Stopwatch,
    /// From there to the RST.
    reset_after: Option<Duration>,
}

fn prove(source: &'static str) -> Result<(), Failed> {
    let (near, far) = (Namespace::create()?, Namespace::create()?);
    Namespace::join(&near, &far)?;
    let app = near.inside(App::listen);
    let cgroup = Cgroup::create()?;
    let proxy = Setup::demo(app.address())
        .section(&format!("[stall]\ngrace = \"{}s\"", GRACE.as_secs()))
        .source(source)
        .listen("10.111.0.1:0")
        .cgroup(&cgroup)
        .namespace(&near)
        .start();
    assert_eq!(proxy.source().0, source, "the source in use");
    let subject = |kind, pace: Pace| {
        // The stall begins when the client's buffer is full. The kernel lets that of a fast reader
        // grow to megabytes, so it is fixed; only the slow keep the default, which is the hard case.
        let wire = far.inside(|| match kind {
            SLOW => Wire::connect(proxy.address()),
            _ => proxy.connect_narrow(64 * 1024),
        });
        let (client, server) = open_over(wire, &app, "", "");
        let reading = Some(traffic::read(&client.wire, pace));
        Subject { kind, client, server, reading, since: Stopwatch::start(), reset_after: None }
    };
    let mut subjects = Vec::new();
    for _ in 0..EACH {
        subjects.push(subject(FROZEN, EAGER));
        subjects.push(subject(SLOW, CRAWL));
        subjects.push(subject(NORMAL, EAGER));
    }
    let unit = Frame::binary(vec![0x5A; 4096]).encode();
    // A megabyte per second each: a frozen client's buffer is full within a fifth of a second.
    let streams: Vec<_> =
        subjects.iter().map(|s| traffic::send(&s.server.wire, unit.clone(), STEADY)).collect();
    pause(Duration::from_secs(3));
    for subject in &mut subjects {
        if subject.kind == FROZEN {
            subject.reading.take().expect("was reading").stop();
        }
        subject.since = Stopwatch::start();
    }
    let watch = Stopwatch::start();
    while watch.elapsed() < MINUTE {
        for subject in subjects.iter_mut().filter(|s| s.reset_after.is_none()) {
            let cut = subject.reading.as_ref().is_some_and(Traffic::has_ended);
            if cut || subject.client.wire.was_reset() {
                subject.reset_after = Some(subject.since.elapsed());
            }
        }
        pause(Duration::from_millis(20));
    }
    let reasons = told(&mut subjects);
    drop(streams);
    report(source, &subjects, &proxy);
    judge(&subjects, &reasons, &proxy)
}

/// What the apps of the reaped clients were told.
fn told(subjects: &mut [Subject]) -> Vec<String> {
    let reaped = subjects.iter_mut().filter(|s| s.reset_after.is_some());
    reaped.map(|s| s.server.expect_close(1001)).collect()
}

fn report(source: &str, subjects: &[Subject], proxy: &Proxy) {
    println!("\nsource {source}, grace {} s, one minute from the freeze", GRACE.as_secs());
    println!("{:14} {:>6} {:>9} {:>9} {:>9}", "kind", "reaped", "not", "first s", "last s");
    for kind in [FROZEN, SLOW, NORMAL] {
        let of_kind: Vec<_> = subjects.iter().filter(|s| s.kind == kind).collect();
        let mut times: Vec<_> = of_kind.iter().filter_map(|s| s.reset_after).collect();
        times.sort();
        let shown = |time: Option<&Duration>| {
            time.map_or("-".to_owned(), |time| format!("{:.2}", time.as_secs_f64()))
        };
        let (first, last) = (shown(times.first()), shown(times.last()));
        let kept = of_kind.len() - times.len();
        println!("{kind:14} {:>6} {kept:>9} {first:>9} {last:>9}", times.len());
    }
    println!("sweeps of {:.0} µs on average", {
        let metrics = proxy.metrics();
        let sum = metrics.sum("ebbtide_sweep_seconds_sum", &[]);
        1e6 * sum / metrics.sum("ebbtide_sweep_seconds_count", &[]).max(1.0)
    });
}

fn judge(subjects: &[Subject], reasons: &[String], proxy: &Proxy) -> Result<(), Failed> {
    let reaped = |frozen: bool| {
        let same = subjects.iter().filter(|s| (s.kind == FROZEN) == frozen);
        same.filter_map(|s| s.reset_after).collect::<Vec<_>>()
    };
    assert_eq!((reaped(true).len(), reaped(false).len()), (EACH, 0), "(frozen, others) reaped");
    let late = reaped(true).iter().filter(|time| **time > GRACE + SLACK).count();
    assert_eq!(late, 0, "reaped later than {:?} after the freeze", GRACE + SLACK);
    assert_eq!(reasons, vec!["client stalled"; EACH]);
    let labels = [("app", "demo"), ("leg", "client"), ("reason", "stalled")];
    assert_eq!(proxy.metrics().count("ebbtide_reaped_total", &labels), EACH as u64);
    assert_eq!(proxy.sessions().len(), 2 * EACH);
    Ok(())
}
