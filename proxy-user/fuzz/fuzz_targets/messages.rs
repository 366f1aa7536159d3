//! Whatever a message holds: no rule of any built-in pack panics on it, and what was said of its first
//! bytes holds for all of it, with a mask on them or without, whether or not its length is known.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use ebbtide::core::frame::Opcode;
use ebbtide::core::pack::{Connection, Context, Judgement, Message, Opening, RuleBook, RuleSet};
use ebbtide::core::payload::{Masked, Payload};
use ebbtide::packs::Packs;
use libfuzzer_sys::fuzz_target;

/// Connections that between them bring every way of asking and splitting to bear.
const OPENINGS: [(&str, &str, Option<&str>); 14] = [
    ("/_stcore/stream", "", Some("streamlit")),
    ("/api/kernels/1/channels", "", None),
    ("/socket.io/", "EIO=4&transport=websocket", None),
    ("/_nicegui_ws/socket.io/", "EIO=4", None),
    ("/app/ws", "", Some("bokeh")),
    ("/x", "reconnectionToken=1&reconnection=true", None),
    ("/websocket-tunnel", "", Some("guacamole")),
    ("/hub", "id=0123456789abcdefghijkl", None),
    ("/_blazor", "", None),
    ("/socket/websocket", "vsn=2.0.0", None),
    ("/api/websocket", "", None),
    ("/app/__sockjs__/n=1/000/x/websocket", "", None),
    ("/connection/websocket", "", Some("graphql-transport-ws")),
    ("/mqtt", "", Some("mqtt")),
];

static BOOK: LazyLock<(RuleBook, Vec<Connection>)> = LazyLock::new(|| {
    let packs = Packs::open(None).expect("the built-in packs are right");
    let mut names: Vec<String> = packs.iter().map(|file| file.pack.name.to_string()).collect();
    names.truncate(ebbtide::core::pack::MAX_PACKS);
    let book = packs.book(&names).expect("they are not too many");
    let connection = |(path, query, subprotocol): (&str, &str, Option<&str>)| {
        book.connection(&Opening { path, query, subprotocol, unattended: true })
    };
    let connections = OPENINGS.map(connection).to_vec();
    (book, connections)
});

fuzz_target!(|data: &[u8]| {
    let [which, flags, cut, payload @ ..] = data else { return };
    let key = [*cut, *which, *flags, 0x5a];
    let (book, connections) = &*BOOK;
    let connection = &connections[usize::from(*which) % connections.len()];
    let rules = if flags & 1 == 0 { &connection.input } else { &connection.output };
    let opcode = if flags & 2 == 0 { Opcode::Text } else { Opcode::Binary };
    let judge = |payload: Payload<'_>| judge(book, rules, opcode, &payload);
    let all = judge(Payload::whole(payload));
    assert_ne!(all, Judgement::Undecided);
    let wire: Vec<u8> =
        payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    let masked = |end: usize| Masked::new(&wire[..end], Some(key));
    let length = wire.len() as u64;
    assert_eq!(judge(Payload::new(masked(wire.len()), length, true)), all);
    let cut = wire.len().min(usize::from(*cut));
    for head in [
        Payload::head(&payload[..cut]),
        Payload::new(masked(cut), length, true),
        Payload::new(masked(cut), length, false),
    ] {
        let head = judge(head);
        assert!(head == Judgement::Undecided || head == all, "{head:?}, then {all:?}");
    }
});

fn judge(book: &RuleBook, rules: &RuleSet, opcode: Opcode, payload: &Payload<'_>) -> Judgement {
    let age = Duration::from_secs(1);
    rules.judge(book, &Message { opcode, payload, age, first: true, context: Context::default() })
}
