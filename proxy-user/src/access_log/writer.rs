//! Writes the lines, as fast as standard output takes them.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};

use super::room::{Room, Taken};
use crate::clock;
use crate::core::access_log::LONGEST;
use crate::core::time::Nanos;

/// Dropped lines are told of at most once in this time.
const REMINDER: Duration = Duration::from_secs(60);
/// How long to wait for standard output before looking around.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer<T> {
    room: Arc<Room>,
    output: T,
    /// Lines that were dropped and not yet told of.
    dropped: u64,
    /// Why the last of them could not be written; `None` = there was no room for it.
    error: Option<Errno>,
    told: Option<Nanos>,
}

impl<T: AsFd> Writer<T> {
    pub(super) fn new(room: Arc<Room>, output: T) -> Writer<T> {
        Writer { room, output, dropped: 0, error: None, told: None }
    }

    /// Writes until the room is closed.
    pub(super) fn run(mut self) {
        loop {
            let limit = (self.dropped > 0).then_some(REMINDER);
            let Taken { lines, last } = self.room.take(limit);
            self.write(&lines);
            self.tell(last);
            if last {
                self.room.done();
                return;
            }
        }
    }

    /// Writes these lines in pieces that end with a line. A pipe that is ready takes such a piece at once
    /// (`PIPE_BUF`), so that this thread stays able to tell what is dropped meanwhile.
    fn write(&mut self, mut lines: &[u8]) {
        while !lines.is_empty() {
            let most = &lines[..lines.len().min(LONGEST)];
            let end = most.iter().rposition(|byte| *byte == b'\n').map_or(most.len(), |at| at + 1);
            let (mut piece, rest) = lines.split_at(end);
            lines = rest;
            while !piece.is_empty() {
                match self.write_some(piece) {
                    Ok(written) => piece = &piece[written..],
                    Err(Errno::AGAIN) => self.tell(false),
                    Err(error) => {
                        let whole = piece.iter().filter(|byte| **byte == b'\n').count();
                        self.dropped += whole as u64;
                        self.error = Some(error);
                        break;
                    }
                }
            }
        }
    }

    /// Writes what is taken at once; `AGAIN` after a while in which nothing was.
    fn write_some(&self, piece: &[u8]) -> rustix::io::Result<usize> {
        let mut output = [PollFd::new(&self.output, PollFlags::OUT)];
        match poll(&mut output, Some(&LOOK)) {
            Ok(0) | Err(Errno::INTR) => Err(Errno::AGAIN),
            Ok(_) => retry_on_intr(|| rustix::io::write(&self.output, piece)),
            Err(error) => Err(error),
        }
    }

    /// Says how many lines were dropped, not too often, or for the last time.
    fn tell(&mut self, last: bool) {
        self.dropped += self.room.take_dropped();
        let now = clock::coarse();
        let early = self.told.is_some_and(|told| now.since(told) < REMINDER);
        if self.dropped == 0 || early && !last {
            return;
        }
        let (lines, error) = (self.dropped, self.error.take().map(io::Error::from));
        let error = error.as_ref().map(tracing::field::display);
        tracing::warn!(
            lines,
            error,
            "lines of the access log were dropped: standard output did not take them"
        );
        (self.dropped, self.told) = (0, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, PipeReader, pipe};
    use std::thread;

    use super::*;
    use crate::access_log::room::MOST;

    const LINE: &[u8] = &[b'x'; 255];

    fn started() -> (Arc<Room>, PipeReader) {
        let room = Arc::<Room>::default();
        let (reader, writer) = pipe().unwrap();
        let writer = Writer::new(Arc::clone(&room), writer);
        thread::spawn(move || writer.run());
        (room, reader)
    }

    fn add(room: &Room, lines: usize) {
        let line = [LINE, b"\n"].concat();
        (0..lines).for_each(|_| room.add(&line));
    }

    #[test]
    fn all_lines_are_written_in_order_and_the_last_before_the_end() {
        let (room, reader) = started();
        let reading = thread::spawn(|| {
            BufReader::new(reader).lines().map(Result::unwrap).collect::<Vec<_>>()
        });
        for number in 0..20_000 {
            room.add(format!("{number}\n").as_bytes());
        }
        assert!(room.close(Duration::from_secs(30)));
        let lines = reading.join().unwrap();
        assert!(lines.iter().map(|line| line.parse::<usize>().unwrap()).eq(0..20_000));
    }

    #[test]
    fn a_reader_that_does_not_read_delays_nobody_and_gets_whole_lines() {
        let (room, reader) = started();
        // Twice as much as waits; a few lines more are in the pipe and in the writer's hands.
        add(&room, 3 * MOST / 256);
        assert!(!room.close(Duration::from_millis(100)), "the pipe is full");
        let reading = thread::spawn(|| {
            let lines = BufReader::new(reader).split(b'\n').map(Result::unwrap);
            lines.inspect(|line| assert_eq!(line, LINE)).count()
        });
        assert!(room.close(Duration::from_secs(30)));
        let read = reading.join().unwrap();
        assert!((MOST / 256..3 * MOST / 256).contains(&read), "{read}");
    }

    #[test]
    fn a_reader_that_is_gone_ends_nothing() {
        let (room, reader) = started();
        drop(reader);
        add(&room, 100);
        assert!(room.close(Duration::from_secs(30)));
    }
}
