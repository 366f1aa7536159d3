//! Parser of server-sent events (HTML Standard, section 9.2.6, "Interpreting an event stream"): reports the
//! events in a response, with the first bytes of their data.
//!
//! Comments, retry times and ids are not events. At most `needs` bytes of an event are kept.

/// The longest event name that is kept, in bytes. A longer one is cut and matches no rule.
const LONGEST_NAME: usize = 64;

/// The longest meaningful field name, plus one byte.
const FIELD: usize = 6;

/// The parser of one stream.
#[derive(Debug, Default)]
pub struct EventStream {
    needs: usize,
    /// The name of the field, as far as it has been read.
    field: [u8; FIELD],
    /// Bytes of the line so far; stops at [`FIELD`] until the colon.
    length: usize,
    /// The colon has been read; the value follows.
    value: bool,
    /// Nothing of the value has been read: one space is skipped.
    fresh: bool,
    /// The last byte was a CR that ended a line: an LF after it belongs to it.
    after_cr: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    /// Bytes of data, including those not kept.
    size: usize,
    has_data: bool,
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSentEvent<'a> {
    /// Its name; `message` if it has none.
    pub name: &'a [u8],
    /// Its data, lines joined by LF, or the first bytes of it.
    pub data: &'a [u8],
    /// Whether `data` is complete.
    pub whole: bool,
}

impl EventStream {
    /// A parser that keeps `needs` bytes of an event's data.
    #[must_use]
    pub fn new(needs: usize) -> EventStream {
        EventStream { needs, ..EventStream::default() }
    }

    /// Parses more bytes of the stream, and shows each event that ends in them.
    pub fn feed(&mut self, bytes: &[u8], mut show: impl FnMut(ServerSentEvent<'_>)) {
        for &byte in bytes {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    self.end_line(&mut show);
                }
                _ => {
                    self.after_cr = false;
                    self.byte(byte);
                }
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        if !self.value {
            if byte == b':' {
                (self.value, self.fresh) = (true, true);
                if self.is(b"data") {
                    self.start_data();
                } else if self.is(b"event") {
                    self.name.clear();
                }
            } else if let Some(place) = self.field.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
            return;
        }
        if std::mem::take(&mut self.fresh) && byte == b' ' {
            return;
        }
        if self.is(b"data") {
            self.push(byte);
        } else if self.is(b"event") && self.name.len() < LONGEST_NAME {
            self.name.push(byte);
        }
    }

    fn start_data(&mut self) {
        if std::mem::replace(&mut self.has_data, true) {
            self.push(b'\n');
        }
    }

    fn push(&mut self, byte: u8) {
        self.size = self.size.saturating_add(1);
        if self.data.len() < self.needs {
            self.data.push(byte);
        }
    }

    fn end_line(&mut self, show: &mut impl FnMut(ServerSentEvent<'_>)) {
        if !self.value && self.length == 0 {
            if self.has_data {
                let name: &[u8] = if self.name.is_empty() { b"message" } else { &self.name };
                let whole = self.size == self.data.len();
                show(ServerSentEvent { name, data: &self.data, whole });
            }
            self.name.clear();
            self.data.clear();
            (self.size, self.has_data) = (0, false);
        } else if !self.value && self.is(b"data") {
            // A field without a colon has an empty value.
            self.start_data();
        }
        (self.value, self.length) = (false, 0);
    }

    fn is(&self, name: &[u8]) -> bool {
        self.field.get(..self.length) == Some(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(parts: &[&[u8]], needs: usize) -> Vec<(String, String, bool)> {
        let mut stream = EventStream::new(needs);
        let mut seen = Vec::new();
        for part in parts {
            stream.feed(part, |event| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                seen.push((text(event.name), text(event.data), event.whole));
            });
        }
        seen
    }

    fn event(name: &str, data: &str, whole: bool) -> (String, String, bool) {
        (name.to_owned(), data.to_owned(), whole)
    }

    #[test]
    fn the_standards_examples() {
        let stream = b": this is a test stream\n\ndata: some text\n\ndata: another message\n\
            data: with two lines\n\nevent: add\ndata: 73857293\n\ndata\n\ndata\ndata\n\ndata:\nid: 1\n";
        assert_eq!(
            events(&[stream], 100),
            [
                event("message", "some text", true),
                event("message", "another message\nwith two lines", true),
                event("add", "73857293", true),
                event("message", "", true),
                event("message", "\n", true),
            ],
            "the last one has no end"
        );
    }

    #[test]
    fn comments_and_times_are_no_events() {
        assert_eq!(events(&[b": ping - 2026\r\n\r\nretry: 100\r\n\r\nevent: x\n\n"], 9), []);
        assert_eq!(events(&[b"database: x\n\n"], 9), [], "another field");
    }

    #[test]
    fn a_long_event_is_not_kept() {
        assert_eq!(events(&[b"data: 0123456789\n\n"], 4), [event("message", "0123", false)]);
        assert_eq!(events(&[b"data: 0123456789\n\n"], 0), [event("message", "", false)]);
    }

    proptest! {
        #[test]
        fn any_split_shows_the_same(
            stream in "(data|event|id|: c|)(: ?[a-c]{0,3})?(\r\n|\n|\r){1,2}(data: [a-z]{0,9}(\r\n|\n|\r){1,2}){0,4}",
            cut in 0usize..60,
        ) {
            let bytes = stream.as_bytes();
            let (one, other) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(events(&[bytes], 5), events(&[one, other], 5));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, needs in 0usize..20) {
            EventStream::new(needs).feed(&bytes, |event| assert!(event.data.len() <= needs));
        }
    }
}
