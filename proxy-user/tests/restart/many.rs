//! A takeover and a drain with many sessions: how many are told, lost, refused, and what is left of them
//! in the process.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use libtest_mimic::Failed;

use crate::fleet::Fleet;
use crate::harness::app::App;
use crate::harness::cgroup::Cgroup;
use crate::harness::http::{Head, Message, ok, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::source::Source;
use crate::harness::wait::{Stopwatch, eventually, within};

/// The small form, which is part of every run of the tests.
const FEW: usize = 300;

pub(crate) fn all(source: Source) -> Result<(), Failed> {
    let count = std::env::var("EBBTIDE_RESTART_SESSIONS").map_or(Ok(FEW), |text| text.parse())?;
    allow_descriptors(2 * count + 100)?;
    let drain = if count > FEW { 30 } else { 3 };
    let fleet = Fleet::new();
    let slow = App::listen();
    let cgroups = match source {
        Source::TcpInfo => Vec::new(),
        Source::Ebpf => vec![Cgroup::create()?, Cgroup::create()?],
    };
    let setup = Setup::new()
        .key(&format!("drain = \"{drain}s\""))
        // Rows for the sessions that are wanted and no more: one that leaks is missed by the next.
        .sockets(&format!("max_legs = {}", 2 * count))
        .source(source.name())
        .app("slow", slow.address(), "hosts = [\"slow.test\"]")
        .app("demo", fleet.app(), "");
    let inside = |setup: Setup, number: usize| match cgroups.get(number) {
        Some(cgroup) => setup.cgroup(cgroup),
        None => setup,
    };
    let mut old = inside(setup.clone(), 0).start();
    let idle = old.descriptors();
    println!(
        "\n{count} sessions, source {source}, drain {drain} s\n\n\
         | | client told | app told | lost | refused | s | descriptors left | rows left |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        source = source.name()
    );
    fleet.send(count, old.address(), true);
    old.await_sessions(count as u64);
    let watch = Stopwatch::start();
    let mut new = inside(setup, 1).takeover(&old).start();
    // It takes as long as the drain.
    let ended = within(Duration::from_secs(drain + 20), || old.has_ended().then_some(()));
    assert!(ended.is_some(), "the process before does not end");
    assert_eq!(old.exit_code(), Some(0));
    fleet.await_live(count);
    new.await_sessions(count as u64);
    let takeover = Line::told(&fleet, watch.seconds());
    fleet.leave();
    let left = descriptors_left(&new, idle);
    takeover.print("takeover", left, polled(&fleet, &new, count, source));

    let (told, watch) = (Line::told(&fleet, 0.0), Stopwatch::start());
    // A plain request that goes on keeps the process for a moment when all sessions have been told.
    let mut waiting = new.connect();
    waiting.send(request("GET", "slow.test", "/", ""));
    let mut serving = slow.accept();
    Head::read(&mut serving);
    new.terminate();
    fleet.await_live(0);
    let drained = Line::told(&fleet, watch.seconds()).without(&told);
    let left = descriptors_left(&new, idle + 2);
    assert_eq!(new.sessions().len(), 0);
    serving.send(ok("done"));
    assert_eq!(Message::read_response(&mut waiting, "GET").text(), "done");
    assert_eq!(new.exit_code(), Some(0));
    drained.print("drain", left, 0);
    takeover.assert_all(count);
    drained.assert_all(count);
    Ok(())
}

/// How the sessions ended, over all so far or in one step.
struct Line {
    client_told: usize,
    app_told: usize,
    lost: usize,
    refused: usize,
    seconds: f64,
}

impl Line {
    fn told(fleet: &Fleet, seconds: f64) -> Line {
        let counts = &fleet.counts;
        // An app's end may be counted a moment behind its client's.
        let client_told = counts.client_told.load(Relaxed);
        eventually("the apps' ends are counted", || {
            let app = counts.app_told.load(Relaxed) + counts.lost.load(Relaxed);
            (app >= client_told).then_some(())
        });
        Line {
            client_told,
            app_told: counts.app_told.load(Relaxed),
            lost: counts.lost.load(Relaxed),
            refused: counts.refused.load(Relaxed),
            seconds,
        }
    }

    fn without(self, before: &Line) -> Line {
        Line {
            client_told: self.client_told - before.client_told,
            app_told: self.app_told - before.app_told,
            lost: self.lost - before.lost,
            refused: self.refused - before.refused,
            seconds: self.seconds,
        }
    }

    fn print(&self, name: &str, descriptors: usize, rows: usize) {
        let Line { client_told, app_told, lost, refused, seconds } = self;
        println!(
            "| {name} | {client_told} | {app_told} | {lost} | {refused} | {seconds:.1} | \
             {descriptors} | {rows} |"
        );
        assert_eq!((descriptors, rows), (0, 0), "left of {name}");
    }

    fn assert_all(&self, count: usize) {
        let Line { client_told, app_told, lost, refused, .. } = *self;
        assert_eq!((client_told, app_told, lost, refused), (count, count, 0, 0));
    }
}

/// Descriptors over those of a proxy without sessions, once they are gone or patience is over.
fn descriptors_left(proxy: &Proxy, idle: usize) -> usize {
    let left = || proxy.descriptors().saturating_sub(idle);
    within(Duration::from_secs(4), || (left() == 0).then_some(0)).unwrap_or_else(left)
}

/// Fills the proxy anew: legs that found no row in the kernel's table, as those before have left none.
fn polled(fleet: &Fleet, proxy: &Proxy, count: usize, source: Source) -> usize {
    proxy.await_sessions(0);
    fleet.send(count, proxy.address(), false);
    proxy.await_sessions(count as u64);
    let sessions = proxy.sessions();
    let legs =
        sessions.iter().flat_map(|session| [&session["legs"]["client"], &session["legs"]["app"]]);
    legs.filter(|leg| leg["source"] != source.name()).count()
}

/// Raises the soft limit of open files for both ends of all sessions.
fn allow_descriptors(count: usize) -> Result<(), Failed> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a whole rlimit of our own for the call to fill.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the pointer is to a whole rlimit that lives through the call.
    if read != 0 || unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
        return Err(io::Error::last_os_error().into());
    }
    if limit.rlim_max < count as u64 {
        return Err(format!("{count} open files are needed, {} allowed", limit.rlim_max).into());
    }
    Ok(())
}
