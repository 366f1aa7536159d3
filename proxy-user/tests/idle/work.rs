//! Work in progress, as `/api/apps`, the events and `explain` show it.

use serde_json::Value;

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::http::{Head, Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, Role, consent, upgrade};
use crate::harness::setup::Setup;
use crate::scene::{Listener, await_demo, demo, visit};

/// `rerun_script` without any widget: what a page asks for as it is opened.
const LOAD: [u8; 4] = [0x5a, 0x02, 0x12, 0x00];
/// The same with a button that is pressed (WidgetState.trigger_value).
const CLICK: [u8; 8] = [0x5a, 0x06, 0x12, 0x04, 0x0a, 0x02, 0x10, 0x01];
const RUNNING: [u8; 4] = [0x4a, 0x02, 0x10, 0x01];
const STOPPED: [u8; 2] = [0x4a, 0x00];

fn start(app: &App, lines: &str) -> Proxy {
    Setup::new().app("demo", app.address(), lines).start()
}

fn open(proxy: &Proxy, app: &App, target: &str, fields: &str) -> (Peer, Peer) {
    let mut client = proxy.connect();
    client.send(upgrade("demo.test", target, fields));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(consent(fields));
    assert_eq!(Message::read_response(&mut client, "GET").status(), 101);
    (Peer::new(client, Role::Client), Peer::new(server, Role::App))
}

fn is_at_work(demo: &Value) -> bool {
    demo["work"]["since"].is_string()
}

fn rules(demo: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let open = demo["work"]["open"].as_array().unwrap();
    open.iter().map(|open| (text(&open["rule"]), text(&open["by"]))).collect()
}

#[test]
fn a_script_is_work_from_a_click_to_its_end_or_its_tab_s() {
    let app = App::listen();
    let proxy = start(&app, "packs = [\"streamlit\"]");
    let mut events = Listener::open(&proxy, "/api/events");
    visit(&proxy, &app, "/");
    let agreed = "Sec-WebSocket-Protocol: streamlit\r\n";
    let (mut client, mut server) = open(&proxy, &app, "/_stcore/stream", agreed);
    let mut ask = |bytes: &[u8]| {
        client.send(&Frame::binary(bytes));
        server.receive();
        server.send(&Frame::binary(RUNNING));
        client.receive();
    };
    ask(&LOAD);
    let own = vec![("streamlit/script".to_owned(), "page".to_owned())];
    let loading = await_demo(&proxy, "a script that runs", |demo| !rules(demo).is_empty());
    assert_eq!((rules(&loading), is_at_work(&loading)), (own, false), "{loading}");
    ask(&CLICK);
    await_demo(&proxy, "work for somebody", is_at_work);
    let told = events.until("work");
    assert_eq!((&told["result"], &told["rules"][0]), (&"began".into(), &"streamlit/script".into()));
    server.send(&Frame::binary(STOPPED));
    client.receive();
    await_demo(&proxy, "the end of it", |demo| !is_at_work(demo));
    let told = events.until("work");
    assert_eq!(told["result"], "ended", "{told}");
    assert!(told["milliseconds"].is_u64(), "{told}");
    client.send(&Frame::binary(CLICK));
    server.receive();
    server.send(&Frame::binary(RUNNING));
    client.receive();
    await_demo(&proxy, "work for somebody", is_at_work);
    drop((client, server));
    let over = await_demo(&proxy, "the end of its connection", |demo| !is_at_work(demo));
    assert_eq!(rules(&over), []);
}

#[test]
fn a_callback_is_work_until_it_is_answered() {
    let app = App::listen();
    let proxy = start(&app, "packs = [\"dash\"]");
    let ask = |body: &str| {
        let mut client = proxy.connect();
        let fields = format!("Connection: close\r\nContent-Length: {}\r\n", body.len());
        client.send(request("POST", "demo.test", "/_dash-update-component", &fields));
        client.send(body);
        let mut server = app.accept();
        Message::read_request(&mut server);
        (client, server)
    };
    let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let (mut timer, mut timed) = ask(r#"{"changedPropIds":["clock.n_intervals"]}"#);
    let (mut click, mut clicked) = ask(r#"{"changedPropIds":["button.n_clicks"]}"#);
    let busy = await_demo(&proxy, "work for somebody", is_at_work);
    assert_eq!(busy["work"]["open"][0]["count"], 1, "{busy}");
    for (client, server) in [(&mut timer, &mut timed), (&mut click, &mut clicked)] {
        server.send(answer);
        assert_eq!(Message::read_response(client, "POST").status(), 200);
    }
    await_demo(&proxy, "the end of it", |demo| !is_at_work(demo));
}

#[test]
fn a_kernel_works_on_without_its_tab_until_its_state_passes_by() {
    let app = App::listen();
    let proxy = start(&app, "packs = [\"jupyter\"]");
    visit(&proxy, &app, "/lab");
    let (mut client, mut server) = open(&proxy, &app, "/api/kernels/k-1/channels", "");
    let busy = r#"{"header":{"msg_type":"status"},"parent_header":{"msg_type":"execute_request","msg_id":"m"},"content":{"execution_state":"busy"},"channel":"iopub"}"#;
    server.send(&Frame::text(busy));
    client.receive();
    await_demo(&proxy, "a cell", is_at_work);
    drop((client, server));
    let gone =
        await_demo(&proxy, "nobody there", |demo| demo["work"]["open"][0]["watched"] == false);
    assert!(is_at_work(&gone), "{gone}");
    let poll = |state: &str| {
        let mut client = proxy.connect();
        client.send(request(
            "GET",
            "demo.test",
            "/api/kernels?1796010300111",
            "Connection: close\r\n",
        ));
        let mut server = app.accept();
        Message::read_request(&mut server);
        let body = format!(r#"[{{"id":"k-1","execution_state":"{state}"}}]"#);
        let length = body.len();
        server.send(format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        assert_eq!(Message::read_response(&mut client, "GET").body, body.as_bytes());
    };
    poll("busy");
    assert!(is_at_work(&demo(&proxy)));
    poll("idle");
    await_demo(&proxy, "an idle kernel", |demo| !is_at_work(demo));
}

#[test]
fn a_job_is_work_while_its_events_say_so() {
    let app = App::listen();
    let proxy = start(&app, "packs = [\"gradio\"]");
    let mut client = proxy.connect();
    client.send(request("GET", "demo.test", "/gradio_api/queue/data?session_hash=s", ""));
    let mut server = app.accept();
    Message::read_request(&mut server);
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    server.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    server.send(chunk("data: {\"msg\":\"process_starts\",\"event_id\":\"e\"}\n\n"));
    await_demo(&proxy, "a job", is_at_work);
    server.send(chunk("data: {\"msg\":\"process_completed\",\"event_id\":\"e\"}\n\n"));
    await_demo(&proxy, "the end of it", |demo| !is_at_work(demo));
    server.send(chunk("data: {\"msg\":\"process_starts\",\"event_id\":\"f\"}\n\n"));
    await_demo(&proxy, "another job", is_at_work);
    drop((client, server));
    await_demo(&proxy, "the end of its stream", |demo| !is_at_work(demo));
}
