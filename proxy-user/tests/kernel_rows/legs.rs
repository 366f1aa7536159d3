//! What a leg shows of its socket.

use std::{
    io::{Read, Write},
    net::{Shutdown, UdpSocket},
    os::fd::AsFd,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use ebbtide::{
    core::{
        stall::{Sample, TcpState},
        time::Nanos,
    },
    sockets::{Held, Options, RegisteredSocket, Sockets, Source, SourceWish},
};

use crate::support::{Lines, Pair, eventually, now};

const NOTHING: Held = Held { rows: 0, entries: 0, polled: 0 };

fn open(source: SourceWish) -> Sockets {
    Sockets::open(&Options { source, ..Options::default() }).unwrap()
}

fn write(pair: &mut Pair, leg: &RegisteredSocket, bytes: usize) {
    pair.near.write_all(&vec![7; bytes]).unwrap();
    leg.add_written(bytes as u64);
}

/// Waits for a sample, with a sweep before each look.
fn sample_when(
    sockets: &Sockets,
    leg: &RegisteredSocket,
    what: &str,
    holds: impl Fn(&Sample) -> bool,
) -> Sample {
    eventually(what, || {
        sockets.refresh(now());
        holds(&leg.sample())
    });
    leg.sample()
}

pub(crate) fn rows_follow_acks(wish: SourceWish) {
    let sockets = open(wish);
    // The client leg is an accepted socket, the app leg a connected one.
    follow_acks(&sockets, Pair::new(None));
    let Pair { near, far } = Pair::new(None);
    follow_acks(&sockets, Pair { near: far, far: near });
}

fn follow_acks(sockets: &Sockets, mut pair: Pair) {
    // Bytes before the registration belong to the baseline.
    pair.near.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
    pair.far.read_exact(&mut [0; 36]).unwrap();
    let leg = sockets.register(pair.near.as_fd()).unwrap();
    assert_eq!(leg.source().to_string(), sockets.source().to_string());

    let first = sample_when(sockets, &leg, "an empty queue at first", |s| s.queued == 0);
    assert_eq!((first.state, first.progress), (TcpState::Established, Nanos(0)));

    let start = now();
    write(&mut pair, &leg, 10_000);
    pair.far.read_exact(&mut [0; 10_000]).unwrap();
    let drained = sample_when(sockets, &leg, "the queue drains", |s| s.queued == 0);
    assert_eq!(drained.acked, first.acked + 10_000);
    assert!(drained.progress >= start && drained.progress <= now());
    assert_ne!((drained.window, drained.rtt_us), (u32::MAX, 0));
    assert_eq!((drained.timeouts, drained.state), (0, TcpState::Established));

    pair.far.write_all(&[1; 5_000]).unwrap();
    pair.near.read_exact(&mut [0; 5_000]).unwrap();
    leg.add_read(5_000);
    assert_eq!(leg.sample().received, first.received + 5_000);

    let confirmed = leg.confirm(now()).unwrap();
    assert_eq!((confirmed.queued, confirmed.acked), (0, drained.acked));
    assert_eq!(confirmed.progress, leg.sample().progress);
}

/// Whatever the row missed (no sweep runs here), what the socket said once is not forgotten.
pub(crate) fn confirm_counts_from_then_on(wish: SourceWish) {
    let sockets = open(wish);
    let mut pair = Pair::new(None);
    let leg = sockets.register(pair.near.as_fd()).unwrap();
    let start = now();
    write(&mut pair, &leg, 3_000);
    pair.far.read_exact(&mut [0; 3_000]).unwrap();
    eventually("an empty queue", || leg.confirm(now()).unwrap().queued == 0);
    let sample = leg.sample();
    assert_eq!(sample.queued, 0);
    // Dated by the kernel's own account, which counts in milliseconds of a coarse clock.
    assert!(sample.progress + Duration::from_millis(100) >= start);
    assert_eq!(leg.confirm(now()).unwrap().progress, sample.progress);
}

/// Nobody has read what came before the FIN, and still it is in the last account.
pub(crate) fn nothing_is_missing_behind_a_fin(wish: SourceWish) {
    let sockets = open(wish);
    let mut pair = Pair::new(None);
    let leg = sockets.register(pair.near.as_fd()).unwrap();
    let before = leg.sample();
    write(&mut pair, &leg, 3_000);
    pair.far.read_exact(&mut [0; 3_000]).unwrap();
    pair.far.write_all(&[1; 2_000]).unwrap();
    pair.far.shutdown(Shutdown::Write).unwrap();
    sample_when(&sockets, &leg, "the peer's FIN", |s| s.state == TcpState::CloseWait);
    let last = leg.conclude(now()).unwrap();
    assert!(last.received >= before.received + 2_000);
    assert_eq!((last.acked, last.queued), (before.acked + 3_000, 0));
    let asked = leg.confirm(now()).unwrap();
    assert_eq!((asked.acked, asked.received, asked.queued), (last.acked, last.received, 0));
}

/// What a closed window looks like: the kernel's rows have it only where the kernel has BTF.
fn closed_window(wish: SourceWish) -> u32 {
    let known = wish == SourceWish::TcpInfo || Path::new("/sys/kernel/btf/vmlinux").exists();
    if known { 0 } else { u32::MAX }
}

/// The last ack empties the queue and closes the window; the write after it causes no callback.
pub(crate) fn write_into_closed_window(wish: SourceWish) {
    let sockets = open(wish);
    let mut pair = Pair::new(Some(8_192));
    let leg = sockets.register(pair.near.as_fd()).unwrap();
    let mut total = 0;
    loop {
        // The receiver never takes back window that it offered, so writing no more than that drains.
        let window = leg.confirm(now()).unwrap().window as usize;
        if window == 0 {
            break;
        }
        write(&mut pair, &leg, window.min(1_024));
        total += window.min(1_024);
        eventually("what the window allows is acked", || leg.confirm(now()).unwrap().queued == 0);
    }
    let window = closed_window(wish);
    let closed =
        sample_when(&sockets, &leg, "a closed window", |s| s.window == window && s.queued == 0);

    write(&mut pair, &leg, 1_000);
    let stuck = sample_when(&sockets, &leg, "the write is seen", |s| s.queued == 1_000);
    assert_eq!((stuck.acked, stuck.window), (closed.acked, closed.window));
    // Several window probes later (RFC 9293 section 3.8.6.1) it is still so.
    std::thread::sleep(Duration::from_secs(1));
    sockets.refresh(now());
    let later = leg.sample();
    assert_eq!((later.queued, later.progress), (1_000, stuck.progress));
    assert_eq!((later.state, later.timeouts), (TcpState::Established, 0));
    let asked = leg.confirm(now()).unwrap();
    assert_eq!((asked.queued, asked.progress), (1_000, stuck.progress));

    pair.far.read_exact(&mut vec![0; total + 1_000]).unwrap();
    let alive = sample_when(&sockets, &leg, "the reader returns", |s| s.queued == 0);
    assert!(alive.progress > stuck.progress && alive.window > 0);
}

pub(crate) fn release_gives_everything_back_once(wish: SourceWish) {
    let sockets = open(wish);
    let mut pairs: Vec<Pair> = (0..200).map(|_| Pair::new(None)).collect();
    for _ in 0..2 {
        let legs: Vec<RegisteredSocket> =
            pairs.iter().map(|pair| sockets.register(pair.near.as_fd()).unwrap()).collect();
        let held = sockets.held().unwrap();
        let kernel = wish == SourceWish::Ebpf;
        let expected = if kernel { (200, 200, 0) } else { (0, 0, 200) };
        assert_eq!((held.rows, held.entries, held.polled), expected);

        write(&mut pairs[0], &legs[0], 100);
        pairs[0].far.read_exact(&mut [0; 100]).unwrap();
        let last = sample_when(&sockets, &legs[0], "an ack", |s| s.queued == 0);
        for leg in &legs[..100] {
            leg.release();
            leg.release();
        }
        assert_eq!(legs[0].sample().acked, last.acked);
        assert_eq!(legs[0].sample().state, TcpState::Close);
        sockets.refresh(now());
        drop(legs);
        assert_eq!(sockets.held().unwrap(), NOTHING);
    }
}

/// With fewer pairs of rows than legs, rows are lent again at once; no figure of one socket reaches another's.
pub(crate) fn rows_change_hands_under_load(source: SourceWish) {
    const THREADS: usize = 4;
    let sockets = Sockets::open(&Options { source, max_legs: 6, ..Options::default() }).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let sockets = &sockets;
            scope.spawn(move || {
                for round in 0..200 {
                    let mut pair = Pair::new(None);
                    let leg = sockets.register(pair.near.as_fd()).unwrap();
                    let bytes = 1 + thread * 1_000 + round;
                    write(&mut pair, &leg, bytes);
                    pair.far.read_exact(&mut vec![0; bytes]).unwrap();
                    let sample = sample_when(sockets, &leg, "an ack", |s| s.queued == 0);
                    assert_eq!(sample.acked, bytes as u64);
                    assert_eq!(sample.state, TcpState::Established);
                }
            });
        }
    });
    assert_eq!(sockets.held().unwrap(), NOTHING);
}

pub(crate) fn state_after_reset(wish: SourceWish) {
    let sockets = open(wish);
    let mut pair = Pair::new(None);
    let leg = sockets.register(pair.near.as_fd()).unwrap();
    write(&mut pair, &leg, 10);
    // Closing with unread bytes resets (RFC 1122 section 4.2.2.13).
    eventually("the bytes arrive", || pair.far.peek(&mut [0; 10]).unwrap() == 10);
    drop(pair.far);
    sample_when(&sockets, &leg, "a reset", |s| s.state == TcpState::Close);
    assert_eq!(leg.confirm(now()).unwrap().state, TcpState::Close);
}

pub(crate) fn state_after_half_close(wish: SourceWish) {
    let sockets = open(wish);
    let pair = Pair::new(None);
    let leg = sockets.register(pair.near.as_fd()).unwrap();
    pair.far.shutdown(Shutdown::Write).unwrap();
    sample_when(&sockets, &leg, "the peer's FIN", |s| s.state == TcpState::CloseWait);
}

pub(crate) fn what_is_no_tcp_socket_is_refused(wish: SourceWish) {
    let sockets = open(wish);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(sockets.register(udp.as_fd()).is_err());
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(sockets.register(file.as_fd()).is_err());
    assert_eq!(sockets.held().unwrap(), NOTHING);
}

pub(crate) fn full_table_falls_back_and_says_so_once() {
    let lines = Buffer::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let options = Options { source: SourceWish::Ebpf, max_legs: 2, ..Options::default() };
        let sockets = Sockets::open(&options).unwrap();
        let mut pairs = [Pair::new(None), Pair::new(None), Pair::new(None)];
        let legs = pairs.each_ref().map(|pair| sockets.register(pair.near.as_fd()).unwrap());
        let sources = legs.each_ref().map(RegisteredSocket::source);
        assert_eq!(sources, [Source::Ebpf, Source::TcpInfo, Source::TcpInfo]);
        for (pair, leg) in pairs.iter_mut().zip(&legs) {
            write(pair, leg, 100);
            pair.far.read_exact(&mut [0; 100]).unwrap();
            sample_when(&sockets, leg, "progress", |s| s.queued == 0 && s.progress > Nanos(0));
        }
        drop(legs);
        let again = sockets.register(pairs[2].near.as_fd()).unwrap();
        assert_eq!(again.source(), Source::Ebpf);
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("new legs are polled").count(), 1, "{text}");
}

pub(crate) fn kernel_lines_reach_the_log() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sockets = open(SourceWish::Ebpf);
    let task = runtime.block_on(async { sockets.start_logging() }).unwrap();
    assert!(task.is_some());
    assert!(runtime.block_on(async { sockets.start_logging() }).unwrap().is_none());

    let pair = Pair::new(None);
    let leg = sockets.register(pair.near.as_fd()).unwrap();
    let cookie = socket2::SockRef::from(&pair.near).cookie().unwrap();
    pair.far.shutdown(Shutdown::Write).unwrap();
    let line = format!("DEBUG ebbtide leg {cookie}: TCP state 1 -> 8");
    eventually("the kernel's line", || Lines::any(|had| had == line));
    drop(leg);
}

/// A log that can be read back.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
