//! A server whose sends block, in the test's own cgroup: who is freed, and who is left alone.

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use libtest_mimic::Failed;

use crate::harness::cgroup::Cgroup;
use crate::harness::traffic::{self, CRAWL};
use crate::harness::wait::{eventually, pause};
use crate::harness::wire::Wire;
use crate::observer::{Observer, Source};
use crate::scene::{Frozen, GRACE, Home, SLACK, Server, answer, narrow};

pub(crate) type Test = fn(&Home, Source) -> Result<(), Failed>;

pub(crate) const TRIALS: [(&str, Test); 9] = [
    ("a_wedged_send_ends_within_grace_and_two_seconds", new_connection),
    ("one_that_was_wedged_before_is_adopted", adopted_connection),
    ("a_dual_stack_server_is_freed_too", dual_stack),
    ("without_reap_it_only_tells", only_tells),
    ("a_slow_reader_is_kept", slow_reader),
    ("other_cgroups_and_ports_are_left_alone", strangers),
    ("rows_come_and_go_with_their_sockets", rows),
    ("a_second_start_after_sigkill_works_at_once", killed),
    ("other_sites_may_not_ask", other_sites),
];

const WINDOW: Duration = Duration::from_secs(GRACE + SLACK);

/// What the test's own clock may lag behind the kernel's on a busy machine.
const EARLY: Duration = Duration::from_secs(1);

/// Waits for the wedged send to fail, and holds the time since the last byte to the window.
fn await_release(server: &Server, frozen: &Frozen, what: &str) {
    let watch = frozen.wedged();
    let (peer, how) = server.next_end(WINDOW * 3).expect("the send must end");
    let seconds = watch.seconds();
    eprintln!("{what}: released after {seconds:.1} s (grace {GRACE} s)");
    assert_eq!((peer, how), (frozen.stream.local_addr().unwrap(), ErrorKind::ConnectionAborted));
    assert!(watch.elapsed() <= WINDOW, "released after {seconds:.1} s");
    // The watch starts when the test sees the last byte, a little after it came.
    assert!(watch.elapsed() + EARLY >= Duration::from_secs(GRACE), "too early: {seconds:.1} s");
}

fn new_connection(home: &Home, source: Source) -> Result<(), Failed> {
    let server = Server::start();
    let observer = Observer::start(home.path(), server.port(), source, &["--reap"]);
    let frozen = Frozen::connect(server.address);
    await_release(&server, &frozen, &format!("{source:?}, new"));
    eventually("it is counted", || (observer.reaped() == 1).then_some(()));
    assert!(observer.rows().is_empty() && observer.stalled() == 0);
    let told = eventually("it is logged", || observer.log().fields("reaped").pop());
    assert_eq!((&told["reason"], &told["cause"]), (&"stalled".into(), &"closed window".into()));
    assert_eq!(told["peer"], frozen.stream.local_addr().unwrap().to_string());
    assert_eq!(observer.terminate(), Some(0));
    Ok(())
}

fn adopted_connection(home: &Home, source: Source) -> Result<(), Failed> {
    let server = Server::start();
    let frozen = Frozen::connect(server.address);
    frozen.wedged();
    assert_eq!(server.next_end(2 * WINDOW), None, "nobody frees it without Ebbtide");
    let observer = Observer::start(home.path(), server.port(), source, &["--reap"]);
    let (peer, _) = server.next_end(WINDOW).expect("it must end within grace and slack");
    assert_eq!(peer, frozen.stream.local_addr().unwrap());
    eventually("it is counted", || (observer.reaped() == 1).then_some(()));
    Ok(())
}

/// Its connections over IPv4 are IPv6 sockets to the kernel.
fn dual_stack(home: &Home, source: Source) -> Result<(), Failed> {
    let server = Server::listen("[::]:0");
    let observer = Observer::start(home.path(), server.port(), source, &["--reap"]);
    let frozen = Frozen::connect(server.address);
    let watch = frozen.wedged();
    let (peer, _) = server.next_end(WINDOW * 3).expect("the send must end");
    assert!(watch.elapsed() <= WINDOW, "released after {:.1} s", watch.seconds());
    assert_eq!(peer.ip().to_canonical(), frozen.stream.local_addr().unwrap().ip());
    let told = eventually("it is logged", || observer.log().fields("reaped").pop());
    assert_eq!(told["peer"], frozen.stream.local_addr().unwrap().to_string());
    Ok(())
}

fn only_tells(home: &Home, source: Source) -> Result<(), Failed> {
    let server = Server::start();
    let observer = Observer::start(home.path(), server.port(), source, &[]);
    let frozen = Frozen::connect(server.address);
    eventually("it is told", || (observer.stalled() == 1).then_some(()));
    let row = observer.rows().remove(0);
    assert_eq!((&row["verdict"], &row["port"]), (&"stalled".into(), &server.port().into()));
    let leg = &row["legs"]["client"];
    assert_eq!(leg["source"], source.name());
    assert!(leg["queued_bytes"].as_u64() > Some(0) && leg["send_window_bytes"] == 0, "{row}");
    assert_eq!(server.next_end(WINDOW), None, "nothing is destroyed");
    assert!(!observer.metrics().has("ebbtide_reaped_total"));
    assert_eq!(observer.log().fields("stalled").len(), 1, "each verdict is told once");
    // The reader returns: that is told too.
    let _reading = traffic::read(&Wire::over(frozen.stream), traffic::EAGER);
    eventually("it moves again", || (observer.stalled() == 0).then_some(()));
    eventually("it is logged", || observer.log().fields("moves again").pop());
    Ok(())
}

fn slow_reader(home: &Home, source: Source) -> Result<(), Failed> {
    let server = Server::start();
    let before = traffic::read(&Wire::over(narrow(server.address)), CRAWL);
    let observer = Observer::start(home.path(), server.port(), source, &["--reap"]);
    let after = traffic::read(&Wire::over(narrow(server.address)), CRAWL);
    pause(Duration::from_secs(4 * GRACE));
    assert_eq!((server.next_end(Duration::ZERO), observer.reaped()), (None, 0));
    assert_eq!(observer.rows().len(), 2);
    for reading in [before, after] {
        assert!(!reading.has_ended() && reading.bytes() > 4096);
    }
    Ok(())
}

/// The same port in another cgroup, and another port in the same one.
fn strangers(home: &Home, source: Source) -> Result<(), Failed> {
    let (server, other) = (Server::start(), Server::start());
    let empty = Cgroup::create()?;
    let elsewhere = Observer::start(empty.path(), server.port(), source, &["--reap"]);
    let here = Observer::start(home.path(), other.port(), source, &["--reap"]);
    let frozen = Frozen::connect(server.address);
    frozen.wedged();
    assert_eq!(server.next_end(WINDOW + WINDOW), None);
    assert!(elsewhere.rows().is_empty() && here.rows().is_empty());
    drop((elsewhere, here));
    Ok(())
}

fn rows(home: &Home, source: Source) -> Result<(), Failed> {
    const MANY: usize = 100;
    let server = answer();
    let connect = || (0..MANY).map(|_| TcpStream::connect(server).unwrap()).collect::<Vec<_>>();
    let mut before = connect();
    let observer = Observer::start(home.path(), server.port(), source, &[]);
    let mut after = connect();
    eventually("all are watched", || (observer.rows().len() == 2 * MANY).then_some(()));
    let total =
        |observer: &Observer| observer.metrics().count("ebbtide_tcp_acked_bytes_total", &[]);
    for stream in before.iter_mut().chain(&mut after) {
        stream.write_all(&[1]).unwrap();
    }
    eventually("bytes are counted", || (total(&observer) == 2 * MANY as u64 * 2048).then_some(()));
    let counted = total(&observer);
    drop((before, after));
    eventually("all are gone", || observer.rows().is_empty().then_some(()));
    assert!(total(&observer) >= counted, "totals never go down");
    assert_eq!(observer.metrics().count("ebbtide_observed_sockets", &[]), 0);
    // Short ones, that may be gone before they are looked at.
    for _ in 0..5 * MANY {
        drop(TcpStream::connect(server).unwrap());
    }
    eventually("the short ones leave nothing", || {
        (observer.metrics().count("ebbtide_observed_sockets", &[]) == 0).then_some(())
    });
    Ok(())
}

fn killed(home: &Home, source: Source) -> Result<(), Failed> {
    let empty = Cgroup::create()?;
    let server = Server::start();
    Observer::start(empty.path(), server.port(), source, &["--reap"]).kill();
    // A cgroup to which something is attached can be removed all the same: what counts is that
    // nothing of the killed one acts or stands in the way.
    let observer = Observer::start(home.path(), server.port(), source, &["--reap"]);
    let frozen = Frozen::connect(server.address);
    await_release(&server, &frozen, &format!("{source:?}, after SIGKILL"));
    assert_eq!(observer.terminate(), Some(0));
    assert!(fs::read_dir(empty.path()).is_ok());
    Ok(())
}

/// As for the proxy: `tests/admin_access.rs`.
fn other_sites(home: &Home, source: Source) -> Result<(), Failed> {
    let server = Server::start();
    let flags = ["--admin-host", "observer.test"];
    let observer = Observer::start(home.path(), server.port(), source, &flags);
    for (host, target, status) in [
        ("evil.example:9090", "/api/sessions", 403),
        ("observer.test:9090", "/api/sessions", 200),
        ("localhost", "/api/sessions", 200),
        ("evil.example", "/metrics", 200),
        ("evil.example", "/healthz", 200),
    ] {
        assert_eq!(observer.ask_as(host, "GET", target, "").status(), status, "{host}{target}");
    }
    let site = "Sec-Fetch-Site: cross-site\r\n";
    assert_eq!(observer.ask_as("localhost", "DELETE", "/api/sessions/1", site).status(), 403);
    Ok(())
}
