//! Whatever a server-sent stream holds and however it is cut: the same events, and no more of them is
//! kept than was asked for.
#![no_main]

use ebbtide::core::event_stream::EventStream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [needs, pace, bytes @ ..] = data else { return };
    let needs = usize::from(*needs);
    assert_eq!(
        events(bytes, needs, bytes.len().max(1)),
        events(bytes, needs, usize::from(*pace).max(1))
    );
});

fn events(bytes: &[u8], needs: usize, step: usize) -> Vec<(Vec<u8>, Vec<u8>, bool)> {
    let (mut stream, mut events) = (EventStream::new(needs), Vec::new());
    for piece in bytes.chunks(step) {
        stream.feed(piece, |event| {
            assert!(event.data.len() <= needs);
            events.push((event.name.to_vec(), event.data.to_vec(), event.whole));
        });
    }
    events
}
