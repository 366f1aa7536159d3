//! IPv4 and IPv6 on one port, and what is said where an address cannot be had.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use libtest_mimic::Failed;

use crate::harness::app::HttpApp;
use crate::harness::command::{Outcome, ebbtide, ebbtide_behind, finish};
use crate::harness::http::{Message, request};
use crate::harness::namespace::Namespace;
use crate::harness::scratch::Scratch;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::harness::wire::Wire;

const OVER_IPV4: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OVER_IPV6: Ipv6Addr = Ipv6Addr::LOCALHOST;

/// A port that is free on every interface.
fn free_port() -> u16 {
    TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port()
}

fn setup(app: &HttpApp, addresses: &[&str]) -> Setup {
    let setup = Setup::demo(app.address()).key("drain = \"1s\"").listen(addresses[0]);
    addresses[1..].iter().fold(setup, |setup, address| setup.listen_also(address))
}

fn answers(address: SocketAddr) -> Option<()> {
    let mut wire = Wire::over(TcpStream::connect(address).ok()?);
    wire.send(request("GET", "demo.test", "/", "Connection: close\r\n"));
    (Message::read_response(&mut wire, "GET").text() == "here").then_some(())
}

fn answers_both(port: u16) {
    for address in [SocketAddr::from((OVER_IPV4, port)), SocketAddr::from((OVER_IPV6, port))] {
        answers(address).unwrap_or_else(|| panic!("nobody answers at {address}"));
    }
}

/// How many sockets listen on [::] and on IPv4 with this port, ours or not.
fn listening(port: u16) -> (usize, usize) {
    let count = |file: &str| {
        let list = std::fs::read_to_string(file).unwrap();
        let local = format!(":{port:04X} ");
        list.lines().filter(|line| line.contains(&local) && line.contains(" 0A ")).count()
    };
    (count("/proc/self/net/tcp6"), count("/proc/self/net/tcp"))
}

/// From one address to the other way of listening there, and back: neither IPv4 nor IPv6 is lost.
pub(crate) fn both_families_come_and_go() -> Result<(), Failed> {
    let app = HttpApp::named("here");
    let port = free_port();
    let (any, any4, one4) =
        (format!("[::]:{port}"), format!("0.0.0.0:{port}"), format!("127.0.0.1:{port}"));
    let both = setup(&app, &[&any4, &any]);
    let proxy = both.start();
    answers_both(port);
    for (setup, sockets) in [
        (setup(&app, &[&any]), (1, 0)),
        (both, (1, 1)),
        (setup(&app, &[&any, &one4]), (1, 1)),
        (setup(&app, &[&any, &any4]), (1, 1)),
    ] {
        let reloaded = || proxy.log().fields("configuration reloaded").len();
        let before = reloaded();
        proxy.reconfigure(&setup);
        eventually("it is reloaded", || (reloaded() > before).then_some(()));
        eventually("it listens as it is told", || (listening(port) == sockets).then_some(()));
        answers_both(port);
    }
    Ok(())
}

/// The one before has [::] with IPv4 in it, its successor each for itself.
pub(crate) fn both_families_are_taken_over() -> Result<(), Failed> {
    let app = HttpApp::named("here");
    let port = free_port();
    let (any, any4) = (format!("[::]:{port}"), format!("0.0.0.0:{port}"));
    let mut first = setup(&app, &[&any]).start();
    answers_both(port);
    let successor = setup(&app, &[&any4]).takeover(&first).listen(&any4).listen_also(&any);
    let _successor = successor.start();
    assert_eq!(first.exit_code(), Some(0));
    answers_both(port);
    assert_eq!(listening(port), (1, 1));
    Ok(())
}

/// Runs `ebbtide run` on these addresses, one of which cannot be had.
fn run(listen: &str, admin: &str, wrapper: &[String]) -> Outcome {
    let scratch = Scratch::new();
    let setup = Setup::demo("127.0.0.1:9".parse().unwrap()).listen(listen).admin(admin);
    let config = scratch.file("ebbtide.toml", &setup.toml());
    let outcome = finish(ebbtide_behind(wrapper).args(["run", "--config"]).arg(config));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    outcome
}

pub(crate) fn who_is_in_the_way_is_named() -> Result<(), Failed> {
    let any = "127.0.0.1:0";
    // A program of another kind: this test.
    let held = TcpListener::bind(any)?;
    let address = held.local_addr()?.to_string();
    for outcome in [run(any, &address, &[]), run(&address, any, &[])] {
        let says = &outcome.stderr;
        assert!(says.contains(&format!("cannot listen on {address}")), "{outcome:?}");
        assert!(says.contains(&format!("(process {})", std::process::id())), "{outcome:?}");
        assert!(!says.contains("takeover"), "{outcome:?}");
    }
    // A socket that has the address without listening is shown by nobody.
    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    bound.bind(&SocketAddr::from((OVER_IPV4, 0)).into())?;
    let address = bound.local_addr()?.as_socket().ok_or("no address")?.to_string();
    let outcome = run(any, &address, &[]);
    assert!(outcome.stderr.contains("the address is in use\n"), "{outcome:?}");
    // An Ebbtide on either of its addresses, also where it has all interfaces.
    let app = HttpApp::named("here");
    let proxy = setup(&app, &[&format!("[::]:{}", free_port())]).start();
    let listen = SocketAddr::from((OVER_IPV4, proxy.address().port())).to_string();
    let admin = proxy.admin_address().to_string();
    for outcome in [run(&listen, any, &[]), run(any, &admin, &[])] {
        let flag = format!("--takeover {}\n", proxy.id());
        assert!(outcome.stderr.ends_with(&flag), "{outcome:?}");
    }
    // `observe` replaces nobody.
    let scratch = Scratch::new();
    let processes = scratch.file("cgroup.procs", "");
    let cgroup = processes.parent().ok_or("a file in no folder")?;
    let words = ["--port", "9", "--admin", &admin, "--cgroup"];
    let outcome = finish(ebbtide().arg("observe").args(words).arg(cgroup));
    assert!(outcome.stderr.contains(&format!("(process {})", proxy.id())), "{outcome:?}");
    assert!(!outcome.stderr.contains("takeover"), "{outcome:?}");
    Ok(())
}

/// A process that has more privileges does not show its sockets.
pub(crate) fn a_strangers_socket_is_just_in_use() -> Result<(), Failed> {
    let held = TcpListener::bind("127.0.0.1:0")?;
    let address = held.local_addr()?.to_string();
    let less = ["setpriv", "--inh-caps=-sys_ptrace", "--bounding-set=-sys_ptrace"];
    let outcome = run("127.0.0.1:0", &address, &less.map(str::to_owned));
    assert!(outcome.stderr.contains(&format!("cannot listen on {address}: ")), "{outcome:?}");
    assert!(outcome.stderr.contains("the address is in use\n"), "{outcome:?}");
    Ok(())
}

pub(crate) fn a_privileged_port_comes_with_advice() -> Result<(), Failed> {
    // With a setting of its own, which is 1024 at first.
    let namespace = Namespace::create()?;
    let caps = ["--inh-caps=-net_bind_service", "--bounding-set=-net_bind_service"];
    let setpriv = ["setpriv"].into_iter().chain(caps).map(str::to_owned);
    let wrapper: Vec<_> = namespace.wrapper().into_iter().chain(setpriv).collect();
    let any = "127.0.0.1:0";
    for (listen, admin) in [("127.0.0.1:80", any), (any, "127.0.0.1:80"), ("[::1]:80", any)] {
        let outcome = run(listen, admin, &wrapper);
        let says = outcome.stderr.to_lowercase();
        assert_eq!(says.matches("permission denied").count(), 1, "{outcome:?}");
        for part in [
            "below 1024",
            "setcap cap_net_bind_service=+ep /",
            "net.ipv4.ip_unprivileged_port_start=80",
            "systemd",
        ] {
            assert!(says.contains(part), "{part}: {outcome:?}");
        }
    }
    // What is no such port is told as the system tells it, once.
    let outcome = run("192.0.2.1:8080", any, &wrapper);
    assert_eq!(outcome.stderr.matches("annot assign").count(), 1, "{outcome:?}");
    Ok(())
}

/// An address from the command line is checked against the others too.
pub(crate) fn flags_that_clash_are_wrong_usage() -> Result<(), Failed> {
    for admin in ["127.0.0.1:8080", "0.0.0.0:8080", "[::ffff:127.0.0.1]:8080"] {
        let mut command = ebbtide();
        command.args(["run", "--upstream", "http://127.0.0.1:9", "--admin", admin]);
        let outcome = finish(&mut command);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains("change one port"), "{outcome:?}");
    }
    Ok(())
}
