//! What a message costs in memory once its connection has seen a few: nothing. And what compression
//! keeps of a connection: `--nocapture` shows it.
//!
//! A test binary of its own, since it counts allocations.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use ebbtide::core::decoder::{MessageDecoder, Workspace};
use ebbtide::core::extension::Deflate;
use ebbtide::core::frame::{Opcode, Parser, Rules, own_frame};
use ebbtide::core::pack::{Context, Judgement, Message, MessageJudge, Opening, RuleBook};
use ebbtide::core::payload::Payload;
use ebbtide::core::side::Direction;
use ebbtide::packs::Packs;
use flate2::{Compress, Compression, FlushCompress};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counted for each thread.
struct Counting;

fn count() {
    // While a thread ends there is nothing left to count with.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: each call is passed on unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const KEY: [u8; 4] = [1, 2, 3, 4];

/// One direction of a connection.
struct Way {
    book: RuleBook,
    rules: MessageJudge,
    decoder: MessageDecoder,
    workspace: Workspace,
    parser: Parser,
}

impl Way {
    fn new(
        (path, query, subprotocol): (&str, &str, Option<&str>),
        deflate: Option<Deflate>,
    ) -> Way {
        let packs = Packs::open(None).unwrap();
        let book = packs.book(&["auto".to_owned()]).unwrap();
        let opening = Opening { path, query, subprotocol, unattended: true };
        let rules = MessageJudge::new(&book.connection(&opening));
        let longest = rules.longest(Direction::Input);
        assert!(longest > 0, "no rules for {path}");
        let decoder = MessageDecoder::new(longest, deflate);
        let rsv = if deflate.is_some() { 4 } else { 0 };
        let parser = Parser::new(Rules { masked: true, rsv, max_frame: u64::MAX });
        Way { book, rules, decoder, workspace: Workspace::default(), parser }
    }

    fn judge(&mut self, bytes: &[u8]) -> Judgement {
        let chunk = self.parser.next(bytes).unwrap().unwrap();
        let start = chunk.header.map_or(0, |header| header.size);
        let (book, rules) = (&self.book, &mut self.rules);
        let judge = |opcode, payload: &Payload<'_>| {
            let age = Duration::from_secs(60);
            let context = Context::default();
            let message = Message { opcode, payload, age, first: false, context };
            rules.judge(book, Direction::Input, message)
        };
        self.decoder.chunk(&self.workspace, &chunk, &bytes[start..chunk.size], judge).unwrap()
    }

    /// Allocations of 10,000 messages, after some that may still cost one.
    fn allocations(&mut self, messages: &[Vec<u8>]) -> u64 {
        let mut next = messages.iter().cycle();
        let mut some = |way: &mut Way, count| {
            next.by_ref().take(count).for_each(|bytes| _ = way.judge(bytes));
        };
        some(self, 100);
        let before = ALLOCATIONS.get();
        some(self, 10_000);
        ALLOCATIONS.get() - before
    }
}

#[test]
fn a_heartbeat_and_a_click_allocate_nothing() {
    let text = Opcode::Text;
    let binary = Opcode::Binary;
    let cases: [(_, Opcode, &[u8], &[u8]); 7] = [
        (("/_stcore/stream", "", Some("streamlit")), binary, b"\x88\x01\x01", b"\x5a\x02\x0a\x00"),
        (("/socket.io/", "EIO=4", None), text, b"3", b"42[\"click\",{}]"),
        (
            ("/socket/websocket", "vsn=2.0.0", None),
            text,
            b"[null,\"8\",\"phoenix\",\"heartbeat\",{}]",
            b"[\"4\",\"9\",\"lv:1\",\"event\",{\"type\":\"click\"}]",
        ),
        (
            ("/hub", "id=0123456789abcdefghijkl", None),
            text,
            b"{\"type\":6}\x1e",
            b"{\"type\":1}\x1e",
        ),
        (
            ("/api/websocket", "", None),
            text,
            b"{\"type\":\"ping\",\"id\":3}",
            b"{\"type\":\"call_service\",\"id\":4}",
        ),
        (
            ("/x", "reconnectionToken=1", None),
            binary,
            &[9, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0],
            &[1, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1, 42],
        ),
        (
            ("/websocket-tunnel", "", Some("guacamole")),
            text,
            b"0.,4.ping,13.1795330279000;3.nop;",
            b"5.mouse,1.1,1.2,1.0;",
        ),
    ];
    for (opening, opcode, heartbeat, click) in cases {
        let mut way = Way::new(opening, None);
        let messages = [heartbeat, click].map(|bytes| own_frame(opcode, bytes, Some(KEY)));
        assert!(matches!(way.judge(&messages[0]), Judgement::Ignored(_)), "{opening:?}");
        assert_eq!(way.judge(&messages[1]), Judgement::Activity(None), "{opening:?}");
        assert_eq!(way.allocations(&messages), 0, "{opening:?}");
    }
}

/// Frames of one deflater, each message referring to those before it.
fn compressed(texts: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut deflater = Compress::new(Compression::new(6), false);
    let frame = |text: &&[u8]| {
        let mut bytes = Vec::with_capacity(text.len() + 64);
        deflater.compress_vec(text, &mut bytes, FlushCompress::Sync).unwrap();
        bytes.truncate(bytes.len() - 4);
        let mut frame = own_frame(Opcode::Text, &bytes, Some(KEY));
        frame[0] |= 0x40;
        frame
    };
    texts.iter().map(frame).collect()
}

/// What an idle tab says of itself in a shared document, and a cursor that moves in it.
#[test]
fn awareness_allocates_nothing() {
    let said = |state: &str| {
        let length = u8::try_from(state.len()).unwrap();
        let body = [&[1, 7, 1, length], state.as_bytes()].concat();
        let bytes = [&[1, length + 4], &body[..]].concat();
        own_frame(Opcode::Binary, &bytes, Some(KEY))
    };
    let mut way = Way::new(("/api/collaboration/room/json:notebook:1", "", None), None);
    let messages = ["{}", "{}", "{\"cursors\":[1]}"].map(said);
    // The first is a visitor's who introduces himself: nobody has said it before.
    way.judge(&messages[2]);
    assert_eq!(way.judge(&messages[0]), Judgement::Activity(None));
    assert!(matches!(way.judge(&messages[1]), Judgement::Ignored(_)));
    assert_eq!(way.judge(&messages[2]), Judgement::Activity(None));
    assert_eq!(way.allocations(&messages), 0);
}

#[test]
fn compressed_messages_allocate_nothing_and_keep_no_more_than_their_window() {
    let opening = ("/socket.io/", "EIO=4", None);
    let mut way = Way::new(opening, Some(Deflate::default()));
    assert_eq!(way.decoder.held(), 0, "nothing before the first compressed message");
    let texts: Vec<&[u8]> =
        (0..10_100).map(|n| if n % 2 == 0 { &b"3"[..] } else { b"42[1]" }).collect();
    let messages = compressed(&texts);
    assert!(matches!(way.judge(&messages[0]), Judgement::Ignored(_)));
    let first = way.decoder.held();
    for bytes in &messages[1..100] {
        way.judge(bytes);
    }
    let hundred = way.decoder.held();
    // The history grows to its window, in seven steps, and then stays.
    let before = ALLOCATIONS.get();
    for bytes in &messages[100..] {
        way.judge(bytes);
    }
    let allocations = ALLOCATIONS.get() - before;
    let all = way.decoder.held();
    println!(
        "A direction of {} bytes keeps {first} bytes after one compressed heartbeat, {hundred} after \
         100 short messages, {all} after {}.",
        size_of::<MessageDecoder>(),
        messages.len()
    );
    assert!(allocations <= 7, "{allocations}");
    assert!(first <= 512 && hundred <= 1024 && all <= 32 * 1024, "{first}, {hundred}, {all}");
    let alone = Deflate { takeover: false, ..Deflate::default() };
    let mut way = Way::new(opening, Some(alone));
    let one = compressed(&[b"3"]);
    assert_eq!(way.allocations(&one), 0);
    assert_eq!(way.decoder.held(), 0, "without takeover nothing is kept");
}
