//! The incident that the project began with: an unmodified `websockets` sync server with one seat,
//! whose send wedges on a client that froze.

use std::time::Duration;

use libtest_mimic::Failed;

use crate::harness::namespace::Namespace;
use crate::harness::traffic::{self, CRAWL};
use crate::harness::wait::{eventually, pause, within};
use crate::harness::wire::Wire;
use crate::observer::{Observer, Source};
use crate::python::{Python, Server};
use crate::scene::{Frozen, GRACE, SLACK, narrow, upgrade};

pub(crate) type Test = fn(&Python) -> Result<(), Failed>;

pub(crate) const TRIALS: [(&str, Test); 4] = [
    ("without_ebbtide_the_seat_is_never_released", never_released),
    ("with_observe_reap_it_is_released_within_grace_and_two_seconds", released),
    ("in_another_network_namespace_too", released_in_namespace),
    ("a_slow_client_keeps_its_seat", slow_client_stays),
];

fn take_the_seat(server: &Server) -> Frozen {
    let mut frozen = Frozen::connect(server.address);
    upgrade(&mut frozen.stream);
    eventually("the seat is taken", || (server.said("taken") == 1).then_some(()));
    frozen
}

fn never_released(python: &Python) -> Result<(), Failed> {
    let server = Server::start(python)?;
    let frozen = take_the_seat(&server);
    let watch = frozen.wedged();
    pause(Duration::from_secs(3 * GRACE));
    let mut second = Frozen::connect(server.address);
    upgrade(&mut second.stream);
    eventually("the second client is refused", || (server.said("refused") == 1).then_some(()));
    assert_eq!(server.said("released"), 0);
    eprintln!("without Ebbtide: still taken after {:.1} s ({})", watch.seconds(), python.version());
    Ok(())
}

fn released(python: &Python) -> Result<(), Failed> {
    let server = Server::start(python)?;
    let port = server.address.port();
    let observer = Observer::start(server.cgroup.path(), port, Source::best(), &["--reap"]);
    await_release(&server, &take_the_seat(&server));
    eventually("it is counted", || (observer.reaped() == 1).then_some(()));
    // And the seat is there for the next.
    let mut next = Frozen::connect(server.address);
    upgrade(&mut next.stream);
    eventually("the next client sits", || (server.said("taken") == 2).then_some(()));
    assert_eq!(observer.terminate(), Some(0));
    Ok(())
}

/// As a container's server is: the observer stays outside.
fn released_in_namespace(python: &Python) -> Result<(), Failed> {
    let namespace = Namespace::create()?;
    let server = Server::start_behind(python, &namespace.wrapper())?;
    let port = server.address.port();
    // The first is open before, the second is new.
    let first = namespace.inside(|| take_the_seat(&server));
    let observer = Observer::start(server.cgroup.path(), port, Source::best(), &["--reap"]);
    let adopted = || (server.said("released") == 1).then_some(());
    eventually("the seat is released", adopted);
    drop(first);
    namespace.inside(|| {
        let mut second = Frozen::connect(server.address);
        upgrade(&mut second.stream);
        eventually("the seat is released", || (server.said("released") == 2).then_some(()));
    });
    eventually("both are counted", || (observer.reaped() == 2).then_some(()));
    Ok(())
}

/// Holds the release of a client that froze to the window.
fn await_release(server: &Server, frozen: &Frozen) {
    let watch = frozen.wedged();
    let window = Duration::from_secs(GRACE + SLACK);
    let released = within(3 * window, || (server.said("released") == 1).then(|| watch.elapsed()));
    let released = released.expect("the seat must be released");
    eprintln!(
        "with observe --reap: released after {:.1} s (grace {GRACE} s)",
        released.as_secs_f64()
    );
    assert!(released <= window, "released after {released:?}");
}

fn slow_client_stays(python: &Python) -> Result<(), Failed> {
    let server = Server::start(python)?;
    let port = server.address.port();
    let observer = Observer::start(server.cgroup.path(), port, Source::best(), &["--reap"]);
    let mut stream = narrow(server.address);
    upgrade(&mut stream);
    let reading = traffic::read(&Wire::over(stream), CRAWL);
    pause(Duration::from_secs(4 * GRACE));
    assert_eq!((server.said("taken"), server.said("released"), observer.reaped()), (1, 0, 0));
    assert!(!reading.has_ended() && reading.bytes() > 4096);
    let row = observer.rows().remove(0);
    assert!(row["legs"]["client"]["queued_bytes"].as_u64() > Some(0), "{row}");
    eprintln!("slow client: {} bytes read in {} s, seat kept", reading.bytes(), 4 * GRACE);
    Ok(())
}
