//! An app that is killed, closes, freezes or refuses: its sessions get 1014 at once, whoever asks next a 502,
//! and the API and the metrics say which of these it was, and never blame the client.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops and says why")]

mod harness;

use std::net::TcpListener;

use harness::app::App;
use harness::frame::Frame;
use harness::http::{Head, Message, chunk, ok, request};
use harness::proxy::Proxy;
use harness::session::{Peer, open, upgrade};
use harness::setup::Setup;
use harness::traffic::{self, EAGER};
use harness::wait::eventually;
use serde_json::Value;

fn start() -> (App, Proxy) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    (app, proxy)
}

fn demo(proxy: &Proxy) -> Value {
    serde_json::from_slice(&proxy.admin("/api/apps/demo", "").body).unwrap()
}

/// Waits until the API says that this is the newest loss, and of whom; it and the metrics count it alone.
fn await_lost(proxy: &Proxy, reason: &str, count: u64, of_session: bool) {
    let seen = eventually(&format!("{count} lost: {reason}"), || {
        Some(demo(proxy)).filter(|demo| demo["losses"][reason] == count)
    });
    let last = &seen["last_loss"];
    assert_eq!((&last["reason"], last["session"].is_u64()), (&reason.into(), of_session), "{last}");
    assert!(last["ago_seconds"].as_f64().is_some_and(|ago| ago >= 0.0), "{last}");
    let labels = [("app", "demo"), ("reason", reason)];
    assert_eq!(proxy.metrics().count("ebbtide_app_losses_total", &labels), count);
    let blamed = proxy.metrics().count("ebbtide_reaped_total", &[("leg", "client")]);
    assert_eq!(blamed, 0, "the client is not to blame");
}

fn lost_in_all(proxy: &Proxy) -> u64 {
    proxy.metrics().count("ebbtide_app_losses_total", &[])
}

/// Whether the newest request was answered, by the API and the metrics.
fn assert_answers(proxy: &Proxy, answers: bool) {
    assert_eq!(demo(proxy)["answers"], answers);
    assert_eq!(proxy.metrics().count("ebbtide_app_up", &[("app", "demo")]), u64::from(answers));
}

/// What a request and a handshake get.
fn ask_both(proxy: &Proxy) -> [Message; 2] {
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ""));
    [proxy.get("a.test", "/"), Message::read_response(&mut client, "GET")]
}

/// The kernel closes what a killed process had: by FIN, or by RST where bytes were left unread.
#[test]
fn a_killed_app_is_a_1014_to_its_sessions_and_a_502_to_others_until_it_is_back() {
    let (app, proxy) = start();
    assert_eq!(demo(&proxy)["answers"], Value::Null, "nobody has asked");
    let address = app.address();
    let mut sessions: Vec<_> = (0..6).map(|_| open(&proxy, &app)).collect();
    assert_answers(&proxy, true);
    drop(app);
    let clients: Vec<Peer> = sessions
        .drain(..)
        .enumerate()
        .map(|(number, (client, server))| {
            if number % 2 == 0 {
                server.wire.reset()
            } else {
                drop(server)
            }
            client
        })
        .collect();
    for mut client in clients {
        client.expect_close(1014);
        client.finish(1014);
    }
    eventually("all are counted", || (lost_in_all(&proxy) == 6).then_some(()));
    let seen = demo(&proxy);
    assert_eq!((&seen["losses"]["reset"], &seen["losses"]["closed"]), (&3.into(), &3.into()));
    assert!(seen["last_loss"]["session"].is_u64(), "{seen}");
    for answer in ask_both(&proxy) {
        assert_eq!(answer.assert_own(502), "app-unreachable");
    }
    await_lost(&proxy, "refused", 2, false);
    assert_answers(&proxy, false);

    let app = App::on(TcpListener::bind(address).unwrap());
    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::text("again"));
    server.expect(&Frame::text("again"));
    assert_answers(&proxy, true);
    await_lost(&proxy, "refused", 2, false);
}

/// Nobody makes use of an app that is not there: neither by a request nor by one whose body must be seen.
#[test]
fn what_an_app_refuses_does_not_count_and_says_that_it_failed() {
    let app = App::listen();
    let address = app.address();
    // Whoever asks when the app is idle has bodies looked into, for the sake of their pace.
    let lines = "idle_after = \"1h\"\non_idle = \"shadow\"";
    let proxy = Setup::new().app("demo", address, lines).start();
    let post = request("POST", "a.test", "/poll", "Content-Length: 4\r\n") + "ping";
    let ask = |bytes: String, method: &str| {
        let mut client = proxy.connect();
        client.send(bytes);
        Message::read_response(&mut client, method)
    };
    let states = |proxy: &Proxy| {
        let count = |state| proxy.metrics().count("ebbtide_apps", &[("state", state)]);
        (demo(proxy)["state"].clone(), count("running"), count("failed"))
    };
    let counted = || proxy.metrics().count("ebbtide_activity_total", &[]);
    assert_eq!(states(&proxy), ("running".into(), 1, 0));
    drop(app);
    let refuse = || {
        for (bytes, method) in [
            (
                request("GET", "a.test", "/", "Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n"),
                "GET",
            ),
            (post.clone(), "POST"),
            (request("POST", "a.test", "/empty", "Content-Length: 0\r\n"), "POST"),
            (upgrade("a.test", "/", ""), "GET"),
        ] {
            assert_eq!(ask(bytes, method).assert_own(502), "app-unreachable");
        }
    };
    refuse();
    assert_eq!((counted(), demo(&proxy)["last_activity"].clone()), (0, Value::Null));
    assert_eq!(states(&proxy), ("failed".into(), 0, 1));

    // A connection that was kept from when it was there is no app.
    let app = App::on(TcpListener::bind(address).unwrap());
    let mut client = proxy.connect();
    client.send(post.clone());
    let mut server = app.accept();
    Message::read_request(&mut server);
    server.send(ok("here"));
    assert_eq!(Message::read_response(&mut client, "POST").text(), "here");
    assert_eq!((counted(), states(&proxy)), (1, ("running".into(), 1, 0)));
    drop((app, server));
    refuse();
    assert_eq!((counted(), states(&proxy)), (1, ("failed".into(), 0, 1)));
}

#[test]
fn a_frozen_app_is_found_by_what_it_does_not_take() {
    let app = App::listen_narrow(16 * 1024);
    let setup = Setup::new().app("demo", app.address(), "handshake_timeout = \"1s\"");
    let proxy = setup.section("[stall]\ngrace = \"2s\"").start();
    let (mut client, server) = open(&proxy, &app);
    let unit = client.encode(&Frame::binary(vec![0x5A; 64 * 1024]));
    let typing = traffic::send(&client.wire, unit, EAGER);
    let waits = |leg: &str| proxy.sessions().first().map(|s| s["legs"][leg]["waiting"].clone());
    eventually("the app leg waits", || waits("app").filter(Value::is_object));
    assert_eq!(waits("client"), Some(Value::Null), "nothing waits for the client");
    assert_eq!(client.expect_close(1014), "app stalled");
    drop(typing);
    client.finish(1014);
    await_lost(&proxy, "stalled", 1, true);
    assert_eq!(lost_in_all(&proxy), 1);
    // Its kernel accepts; it does not.
    let mut client = proxy.connect();
    client.send(upgrade("a.test", "/", ""));
    Message::read_response(&mut client, "GET").assert_own(504);
    await_lost(&proxy, "slow", 1, false);
    assert_answers(&proxy, false);
    drop(server);
}

#[test]
fn an_app_that_breaks_off_is_told_from_one_that_refuses() {
    let (app, proxy) = start();
    let address = app.address();
    let _served = app.serve(|mut wire| drop(Head::read(&mut wire)));
    for answer in ask_both(&proxy) {
        assert_eq!(answer.assert_own(502), "app-broken");
    }
    await_lost(&proxy, "broken", 2, false);
    assert_answers(&proxy, false);
    assert_eq!(lost_in_all(&proxy), 2, "{address}");
}

/// Neither who leaves in the middle of a request, nor who sends nonsense in place of its rest, nor who
/// closes a session in order has lost an app.
#[test]
fn what_clients_do_is_no_loss_of_the_app() {
    let (app, proxy) = start();
    let mut client = proxy.connect();
    client.send(request("POST", "a.test", "/", "Content-Length: 100\r\n"));
    client.send("the first half");
    let mut server = app.accept();
    Head::read(&mut server);
    client.reset();
    server.rest();

    let mut client = proxy.connect();
    client.send(request("POST", "a.test", "/", "Transfer-Encoding: chunked\r\n"));
    client.send(chunk("the first half"));
    let mut server = app.accept();
    Head::read(&mut server);
    client.send("no size\r\n");
    client.rest();
    server.rest();

    let (mut client, mut server) = open(&proxy, &app);
    client.send(&Frame::close(1000, ""));
    server.expect(&Frame::close(1000, ""));
    drop((client, server));
    proxy.await_sessions(0);

    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(ok("here"));
    assert_eq!(Message::read_response(&mut client, "GET").text(), "here");
    assert_eq!(lost_in_all(&proxy), 0, "{}", demo(&proxy));
    assert_answers(&proxy, true);
}
