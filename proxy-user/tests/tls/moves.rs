//! Addresses of `redirect` that come and go while the proxy runs, or pass to another process.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::files::{any, free, redirect_address, redirecting};
use crate::harness::app::HttpApp;
use crate::harness::command::{ebbtide, finish};
use crate::harness::http::{Message, request};
use crate::harness::scratch::Scratch;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::harness::wire::Wire;

fn status(address: SocketAddr) -> u16 {
    let mut wire = Wire::connect(address);
    wire.send(request("GET", "demo.test", "/", "Connection: close\r\n"));
    Message::read_response(&mut wire, "GET").status()
}

/// The status if it is an answer without TLS.
fn plain_status(address: SocketAddr) -> Option<u16> {
    let mut wire = Wire::over(TcpStream::connect(address).ok()?);
    wire.try_send(request("GET", "demo.test", "/", "Connection: close\r\n")).ok()?;
    let (answer, _) = wire.rest();
    answer.strip_prefix(b"HTTP/1.1 ").and_then(|rest| str::from_utf8(&rest[..3]).ok()?.parse().ok())
}

#[test]
fn they_come_and_go_with_the_configuration() {
    let app = HttpApp::named("here");
    let setup = Setup::demo(app.address());
    let with = |from: &[SocketAddr]| setup.clone().section(&redirecting(from));
    let proxy = with(&[]).start();
    let (one, other) = (free(), free());
    for from in [&[one][..], &[one, other], &[other], &[]] {
        let reloaded = || proxy.log().fields("configuration reloaded").len();
        let before = reloaded();
        proxy.reconfigure(&with(from));
        eventually("it is reloaded", || (reloaded() > before).then_some(()));
        for address in [one, other] {
            match from.contains(&address) {
                true => assert_eq!(status(address), 308),
                false => eventually("it no longer listens", || {
                    TcpStream::connect(address).is_err().then_some(())
                }),
            }
        }
    }
}

/// TLS is turned on: where browsers came so far, they are now sent away from.
#[test]
fn a_port_of_listen_becomes_one_that_redirects() {
    let app = HttpApp::named("here");
    let address = free();
    let setup = Setup::demo(app.address());
    let proxy = setup.clone().listen(&address.to_string()).start();
    assert_eq!(status(address), 200);
    let tls = setup.clone().listen(&free().to_string()).section(&redirecting(&[address]));
    proxy.reconfigure(&tls);
    eventually("it redirects", || (plain_status(address) == Some(308)).then_some(()));
    proxy.reconfigure(&setup.listen(&address.to_string()));
    eventually("it serves the app again", || (plain_status(address) == Some(200)).then_some(()));
}

#[test]
fn another_process_takes_them_over() {
    let app = HttpApp::named("here");
    let setup = Setup::demo(app.address()).key("drain = \"1s\"");
    let setup = setup.section(&redirecting(&[free()]));
    let mut first = setup.start();
    let address = redirect_address(&first);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let visitor = thread::spawn(move || {
        let mut visits = 0;
        while !stopped.load(Ordering::Relaxed) {
            assert_eq!(status(address), 308);
            visits += 1;
        }
        visits
    });
    let second = setup.takeover(&first).start();
    assert_eq!(redirect_address(&second), address);
    assert_eq!(first.exit_code(), Some(0));
    assert_eq!(status(address), 308);
    stop.store(true, Ordering::Relaxed);
    assert!(visitor.join().unwrap() > 0, "every visit was answered");
}

/// Also those whose port is only known when they are open.
#[test]
fn the_port_that_is_named_is_where_tls_is() {
    let app = HttpApp::named("here");
    let setup = Setup::demo(app.address()).section(&redirecting(&[any()]));
    let proxy = setup.start();
    let address = redirect_address(&proxy);
    let leads_to = |port: u16| {
        let mut wire = Wire::connect(address);
        wire.send(request("GET", &address.to_string(), "/", ""));
        let answer = Message::read_response(&mut wire, "GET");
        answer.head.get("location") == Some(&format!("https://127.0.0.1:{port}/"))
    };
    assert!(leads_to(proxy.address().port()));
    let other = free();
    proxy.reconfigure(&setup.listen(&other.to_string()));
    eventually("it leads to the new address", || leads_to(other.port()).then_some(()));
}

/// What `check` says of the file holds for the flags that replace its values.
#[test]
fn a_flag_that_takes_one_of_them_is_wrong_usage() {
    let (scratch, address) = (Scratch::new(), free());
    let setup = Setup::demo("127.0.0.1:9".parse().unwrap()).section(&redirecting(&[address]));
    let config = scratch.file("ebbtide.toml", &setup.toml());
    for flag in ["--listen", "--admin"] {
        let mut command = ebbtide();
        command.args(["run", flag, &address.to_string(), "--config"]).arg(&config);
        let outcome = finish(&mut command);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(&format!("`redirect` has {address}")), "{outcome:?}");
    }
}
