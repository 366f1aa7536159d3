//! What becomes of the limit of open files, and what happens at it.

use std::time::Duration;

use crate::harness::app::{App, HttpApp};
use crate::harness::http::{Head, Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;

/// Starts the proxy under `ulimit`.
fn limited(setup: Setup, ulimit: &str) -> Proxy {
    setup.wrapper(&["sh", "-c", &format!("ulimit {ulimit} && exec \"$0\" \"$@\"")]).start()
}

/// The soft and the hard limit of the running proxy.
fn limits(proxy: &Proxy) -> (String, String) {
    let text = std::fs::read_to_string(format!("/proc/{}/limits", proxy.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let app = HttpApp::named("app");
    let proxy = limited(Setup::demo(app.address()), "-Sn 256 && ulimit -Hn 512");
    assert_eq!(limits(&proxy), ("512".to_owned(), "512".to_owned()));
    let told = &proxy.log().fields("sessions that fit")[0];
    assert_eq!((&told["open_files"], &told["sessions"]), (&512.into(), &224.into()));
}

#[test]
fn only_a_number_that_somebody_asked_for_is_worth_a_warning() {
    let app = HttpApp::named("app");
    let warned = |sessions: &str| {
        let setup = Setup::demo(app.address()).section(&format!("[limits]\n{sessions}"));
        let proxy = limited(setup, "-n 512");
        proxy.log().text().contains("fewer sessions fit")
    };
    assert!(warned("sessions = 300"));
    assert!(!warned("sessions = 200"));
    assert!(!warned(""));
}

/// 160 descriptors are enough for 48 clients and what is needed beside them.
#[test]
fn clients_beyond_the_limit_wait_for_room() {
    let app = App::listen();
    let proxy = limited(Setup::demo(app.address()), "-n 160");
    let mut clients: Vec<_> = (0..200).map(|_| proxy.connect()).collect();
    for client in &mut clients {
        client.send(request("GET", "a.test", "/", ""));
    }
    let mut served: Vec<_> = (0..48).map(|_| app.accept()).collect();
    eventually("it says that it is full", || {
        proxy.log().text().contains("out of descriptors").then_some(())
    });
    assert!(app.accept_within(Duration::from_millis(300)).is_none());
    assert!(proxy.descriptors() <= 160);
    assert!(!proxy.log().text().contains("cannot accept"), "the limit itself was never met");
    assert_eq!(proxy.admin("/healthz", "").status(), 200);

    for server in &mut served {
        Head::read(server);
        server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    drop(served);
    for mut client in clients.drain(..48) {
        assert_eq!(Message::read_response(&mut client, "GET").status(), 200);
    }
    // Their places are free: others take them.
    for _ in 0..48 {
        Head::read(&mut app.accept());
    }
}
