//! Whatever a pack file says: no panic, and either a pack or at least one mistake; a pack that is one
//! can be asked about anything.
#![no_main]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ebbtide::core::frame::Opcode;
use ebbtide::core::pack::{Context, Message, Opening, RequestHead, RuleBook};
use ebbtide::core::payload::Payload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match ebbtide::packs::parse(text, Path::new("fuzz.toml")) {
        Err(mistakes) => assert!(mistakes.iter().count() > 0),
        Ok(pack) => ask(&RuleBook::new(vec![Arc::new(pack)], false)),
    }
});

fn ask(book: &RuleBook) {
    let opening = Opening { path: "/a/b", query: "c=1", subprotocol: Some("d"), unattended: true };
    let connection = book.connection(&opening);
    let head =
        RequestHead { method: "POST", path: "/a/b", query: "c=1", reopened: Some(Duration::ZERO) };
    let _ = (book.upgrade(&opening, 1), book.request(&head, 1));
    for bytes in [&b""[..], b"3", b"{\"a\":[1]}", b"\x88\x01\x01", b"2\x1e3", b"[\"\\n\"]"] {
        let _ = book.request_body(&head, 1, bytes, true);
        let _ = book.event("/a/b", "message", bytes, 1);
        for (opcode, whole) in [(Opcode::Text, true), (Opcode::Binary, false)] {
            let age = Duration::from_secs(1);
            let payload = &if whole { Payload::whole(bytes) } else { Payload::head(bytes) };
            let message =
                Message { opcode, payload, age, first: true, context: Context::default() };
            let _ = connection.input.judge(book, &message);
            let _ = connection.output.judge(book, &message);
        }
    }
}
