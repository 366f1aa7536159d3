//! Names of fields keep their spelling: HTTP does not care, but some peers do (GTK's broadwayd knows
//! `Sec-WebSocket-Key` and no other spelling of it).

use crate::harness::app::App;
use crate::harness::http::{Fields, Head, Message, ok, request};
use crate::harness::session::{consent, upgrade};
use crate::harness::setup::Setup;

/// The name of the field with this value.
fn name<'a>(fields: &'a Fields, value: &str) -> &'a str {
    let (name, _) = fields.iter().find(|(_, v)| v == value).unwrap_or_else(|| panic!("{fields:?}"));
    name
}

/// Fields that came in any spelling, one of them twice, and those of the proxy.
#[test]
fn fields_keep_their_spelling_both_ways() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    // The second goes over a connection to the app that is kept.
    let mut server = None;
    for round in 0..2 {
        let fields =
            "X-ODD-name: 1\r\nx-odd-NAME: 2\r\ncookie: c\r\nX-Forwarded-PROTO: spoofed\r\n";
        client.send(request("GET", "a.test", "/", fields));
        let server = server.get_or_insert_with(|| app.accept());
        let head = Head::read(server);
        for (value, spelled) in
            [("1", "X-ODD-name"), ("2", "x-odd-NAME"), ("c", "cookie"), ("a.test", "Host")]
        {
            assert_eq!(name(&head.fields, value), spelled, "round {round}");
        }
        assert_eq!(name(&head.fields, "127.0.0.1"), "X-Forwarded-For", "what is added is as usual");
        server.send(
            "HTTP/1.1 200 OK\r\nWWW-authenticate: Basic\r\nETAG: \"e\"\r\nset-COOKIE: a=1\r\n\
             Set-Cookie: b=2\r\ncontent-LENGTH: 2\r\n\r\nok",
        );
        let answer = Message::read_response(&mut client, "GET");
        for (value, spelled) in [
            ("Basic", "WWW-authenticate"),
            ("\"e\"", "ETAG"),
            ("a=1", "set-COOKIE"),
            ("b=2", "Set-Cookie"),
            ("2", "content-LENGTH"),
        ] {
            assert_eq!(name(&answer.head.fields, value), spelled, "round {round}");
        }
        assert!(answer.head.fields.iter().any(|(name, _)| name == "Date"), "{answer:?}");
    }
}

#[test]
fn a_request_that_is_asked_again_is_spelled_as_before() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut client = proxy.connect();
    client.send(request("GET", "a.test", "/1", ""));
    let mut server = app.accept();
    Head::read(&mut server);
    server.send(ok("first"));
    assert_eq!(Message::read_response(&mut client, "GET").text(), "first");
    client.send(request("GET", "a.test", "/2", "X-ODD-name: 1\r\n"));
    Head::read(&mut server);
    drop(server);
    assert_eq!(name(&Head::read(&mut app.accept()).fields, "1"), "X-ODD-name");
}

#[test]
fn a_handshake_keeps_its_spelling_both_ways() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    for lower in [false, true] {
        let spell = |text: String| {
            let lines = text.split_inclusive("\r\n").map(|line| match line.split_once(':') {
                Some((name, value)) if lower => format!("{}:{value}", name.to_lowercase()),
                _ => line.to_owned(),
            });
            lines.collect::<String>()
        };
        let spelled = |name: &str| spell(format!("{name}: \r\n")).replace(": \r\n", "");
        let mut client = proxy.connect();
        client.send(spell(upgrade("a.test", "/", "Sec-WebSocket-Protocol: chat\r\n")));
        let mut server = app.accept();
        let asked = Head::read(&mut server);
        server.send(spell(consent("Sec-WebSocket-Protocol: chat\r\n")));
        let agreed = Head::read(&mut client);
        let both = ["Sec-WebSocket-Protocol", "Upgrade", "Connection"];
        let names = [
            (&asked, &["Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version"][..]),
            (&asked, &both),
            (&agreed, &["Sec-WebSocket-Accept"]),
            (&agreed, &both),
        ];
        for (head, names) in names {
            for known in names {
                let found = head.fields.iter().filter(|(name, _)| *name == spelled(known)).count();
                assert_eq!(found, 1, "{known}, in lower case: {lower}: {head:?}");
            }
        }
    }
}
