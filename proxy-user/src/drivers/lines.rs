//! Splits what a program prints into lines of bounded length. Pure.

use std::collections::VecDeque;

use memchr::{memchr, memchr_iter, memrchr, memrchr_iter};

/// The most bytes of a line that are kept.
pub(super) const LONGEST: usize = 4096;

/// Lines under construction.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    /// Bytes of this line that did not fit.
    cut: u64,
    /// A carriage return has moved the cursor to its start.
    returned: bool,
}

impl Lines {
    /// Reads what was printed, and passes each line that it completes to `each`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(String)) {
        while let Some(end) = memchr(b'\n', bytes) {
            self.append(bytes.get(..end).unwrap_or_default());
            each(self.take());
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
        self.append(bytes);
    }

    /// Like `feed`, but passes on only the last `keep` lines. Returns how many were skipped. Much cheaper if there
    /// are many.
    pub(super) fn feed_last(&mut self, bytes: &[u8], keep: usize, each: impl FnMut(String)) -> u64 {
        let Some(end) = memrchr_iter(b'\n', bytes).nth(keep) else {
            self.feed(bytes, each);
            return 0;
        };
        let (passed, kept) = bytes.split_at(end + 1);
        self.reset();
        self.feed(kept, each);
        memchr_iter(b'\n', passed).count() as u64
    }

    /// The last line, if its end was never printed.
    pub(super) fn finish(&mut self) -> Option<String> {
        (!self.line.is_empty()).then(|| self.take())
    }

    fn append(&mut self, bytes: &[u8]) {
        let (mut bytes, returns) = match bytes.split_last() {
            Some((b'\r', rest)) => (rest, true),
            _ => (bytes, false),
        };
        // A progress bar starts the line again and overwrites it.
        if self.returned && !bytes.is_empty() {
            self.reset();
        }
        if let Some(at) = memrchr(b'\r', bytes) {
            self.reset();
            bytes = bytes.get(at + 1..).unwrap_or_default();
        }
        self.returned |= returns;
        let (kept, cut) = bytes.split_at(bytes.len().min(LONGEST - self.line.len()));
        self.line.extend_from_slice(kept);
        self.cut += cut.len() as u64;
    }

    fn reset(&mut self) {
        self.line.clear();
        (self.cut, self.returned) = (0, false);
    }

    fn take(&mut self) -> String {
        let mut text = plain(&self.line);
        if self.cut > 0 {
            text.push_str(&format!("… ({} more bytes)", self.cut));
        }
        self.reset();
        text
    }
}

/// Text without control characters and terminal escape sequences (ECMA-48, 5.4).
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\t' => plain.push(' '),
            '\u{1b}' => {
                if letters.next() == Some('[') {
                    // Parameters, then one final byte.
                    letters.by_ref().find(|letter| matches!(letter, '@'..='~'));
                }
            }
            control if control.is_control() => {}
            letter => plain.push(letter),
        }
    }
    plain
}

/// The newest lines.
#[derive(Debug, Default)]
pub(super) struct Newest(VecDeque<String>);

impl Newest {
    /// The most lines that are kept.
    pub(super) const COUNT: usize = 20;

    /// Adds one.
    pub(super) fn push(&mut self, line: String) {
        if self.0.len() == Self::COUNT {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// All of them, the newest last.
    pub(super) fn to_vec(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        chunks.iter().for_each(|chunk| lines.feed(chunk, |line| told.push(line)));
        told.extend(lines.finish());
        told
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = "one\r\n\ntwo ž\nthree".as_bytes();
        let expected = ["one", "", "two ž", "three"];
        assert_eq!(lines(&[text]), expected);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&bytes), expected);
    }

    #[test]
    fn a_progress_bar_is_its_last_state() {
        assert_eq!(lines(&[b"1%\r2%\r3%\n"]), ["3%"]);
        assert_eq!(lines(&[b"1%\r", b"2%\r", b"3%", b"\r", b"\n"]), ["3%"]);
        let endless = b"at work\r".repeat(LONGEST + 1);
        assert_eq!(lines(&[&endless, &endless[3..], b"done\n"]), ["done"]);
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let long = vec![b'x'; LONGEST + 7];
        let told = lines(&[&long, b"\nnext\n"]);
        assert_eq!(told[0], format!("{}… (7 more bytes)", "x".repeat(LONGEST)));
        assert_eq!(told[1], "next");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(
            lines(
                b"\x1b[1;31mred\x1b[0m\tx\x07\x1bMy\n"
                    .as_slice()
                    .chunks(1)
                    .collect::<Vec<_>>()
                    .as_slice()
            ),
            ["red xy"]
        );
        assert_eq!(lines(&[b"\xff\x1b["]), ["\u{fffd}"]);
    }

    #[test]
    fn of_many_lines_the_last_can_be_had_alone() {
        let mut lines = Lines::default();
        lines.feed(b"begun ", |_| panic!("it is not whole"));
        let mut told = Vec::new();
        assert_eq!(lines.feed_last(b"a\nb\nc\nd\ne", 2, |line| told.push(line)), 2);
        assert_eq!(
            (told.as_slice(), lines.finish()),
            (["c", "d"].map(str::to_owned).as_slice(), Some("e".to_owned()))
        );
        lines.feed(b"begun ", |_| ());
        assert_eq!(lines.feed_last(b"a\n", 2, |line| told.push(line)), 0);
        assert_eq!(told[2], "begun a");
    }

    #[test]
    fn the_newest_are_kept() {
        let mut newest = Newest::default();
        (0..50).for_each(|number| newest.push(number.to_string()));
        assert_eq!(newest.to_vec().len(), Newest::COUNT);
        assert_eq!(newest.to_vec().last().map(String::as_str), Some("49"));
    }
}
