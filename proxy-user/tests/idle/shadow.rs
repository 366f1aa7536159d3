//! `on_idle = "shadow"`: what would have happened, beside what others would have done.

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::session::open;
use crate::harness::wait::{eventually, pause};
use crate::scene::{Listener, await_demo, start, visit};

const SHADOW: &str = "idle_after = \"3s\"\non_idle = \"shadow\"";

#[test]
fn a_forgotten_tab_would_be_suspended_and_nothing_happens_to_it() {
    let app = App::listen();
    let (proxy, _packs) = start(&app, SHADOW);
    visit(&proxy, &app, "/");
    let (mut client, mut server) = open(&proxy, &app);
    let mut listener = Listener::open(&proxy, "/api/events?app=demo");
    client.send(&Frame::text("a click"));
    server.receive();
    // Heartbeats for longer than `idle_after`, in steps that are shorter.
    for _ in 0..12 {
        pause(std::time::Duration::from_millis(400));
        client.send(&Frame::text("beat"));
        server.receive();
    }
    let told = listener.until("suspend");
    assert_eq!((&told["result"], &told["reason"]), (&"shadow".into(), &"idle".into()), "{told}");
    assert_eq!(told["opcode_only"]["suspended"], false, "{told}");
    assert_eq!(told["presence"]["held_by_sessions"], 1, "{told}");
    let line = eventually("a line in the log", || {
        proxy.log().fields("would have been suspended").into_iter().next()
    });
    assert_eq!(
        (&line["app"], &line["presence"]),
        (&"demo".into(), &"not while 1 session is open".into())
    );
    let opcodes = line["opcode_only"].as_str().unwrap_or_default();
    assert!(opcodes.starts_with("not before "), "{line}");
    let seen = await_demo(&proxy, "a shadow", |demo| demo["shadow"]["suspended"] == true);
    let shadow = &seen["shadow"];
    assert_eq!(seen["state"], "running", "{seen}");
    let times = shadow["times"].as_u64().unwrap();
    assert_eq!(shadow["presence"]["held_by_sessions"], 1, "{shadow}");
    let sum = |way: &str| shadow["suspended_seconds"][way].as_f64().unwrap();
    assert!(sum("counted") >= sum("opcode_only") && sum("presence") == 0.0, "{shadow}");
    let labels = [("app", "demo"), ("result", "shadow")];
    assert_eq!(proxy.metrics().count("ebbtide_suspends_total", &labels), times);
    // The person is back: the stretch is over, and the next one is told again.
    client.send(&Frame::text("a click"));
    server.receive();
    await_demo(&proxy, "awake", |demo| demo["shadow"]["suspended"] == false);
    await_demo(&proxy, "the next stretch", |demo| demo["shadow"]["times"] == times + 1);
    eventually("each stretch is in the log once", || {
        let lines = proxy.log().fields("would have been suspended").len() as u64;
        (lines == times + 1).then_some(())
    });
}
