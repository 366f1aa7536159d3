//! What a sweep costs: rows that the kernel writes against `TCP_INFO` and `SIOCOUTQ`, over the same
//! sockets, in turn, in processor time of the one thread that looks. It is the reaper's own sweep.

use std::{
    fmt::Write as _, hint::black_box, net::TcpStream, os::fd::AsFd, sync::Arc, task::Waker,
    time::Duration,
};

use ebbtide::{
    clock,
    config::App as AppConfig,
    core::{history::Path, keepalive::Round, side::PerSide, time::Nanos},
    reaper::{self, SweepParams},
    session::{App, Leg, Registry, Session},
    sockets::{self, Options, Sockets, SourceWish},
};

use crate::{
    far::{Connections, STUCK},
    median::median,
};

/// No look may convict.
const GRACE: Duration = Duration::from_secs(3600);
/// How long acknowledgements may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than all looks, so that nobody is pinged.
const INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// Between two looks, as far as the keepalive is told.
const PERIOD: Nanos = Nanos(1_000_000_000);
/// More than the caches of a core.
const WALK: usize = 64 << 20;
/// Real legs, and the number of rows that each has.
const SIZES: [(usize, usize); 3] = [(1_000, 1), (10_000, 1), (10_000, 10)];

/// The same sessions in one table or several: a table knows a socket once.
struct Fleet(Vec<(Sockets, Registry)>);

impl Fleet {
    /// Registers each connection in each table, and sends what makes the kernel write its row. On some
    /// connections more is sent than is taken: see [`Connections::send`].
    fn new(tables: Vec<Sockets>, connections: &Connections) -> Fleet {
        let upstream = "http://127.0.0.1:1".parse().ok();
        let config = AppConfig::new("demo".to_owned(), upstream);
        let app = Arc::new(App::new(config, <_>::default(), <_>::default(), 0, clock::now()));
        let register = |table: Sockets| {
            let registry = Registry::default();
            for pair in connections.near.chunks_exact(2) {
                let sockets = PerSide { client: &pair[0], app: &pair[1] };
                let rows = table.register_pair(sockets.map(AsFd::as_fd)).unwrap();
                let leg = |(row, socket): (sockets::RegisteredSocket, &TcpStream)| {
                    Leg::new(socket.peer_addr().unwrap(), row)
                };
                let id = registry.next_id();
                let (legs, pump) = (rows.zip(sockets).map(leg), Waker::noop().clone());
                let session = Session::new(
                    id,
                    Arc::clone(&app),
                    (Path::shown("/"), None),
                    clock::now(),
                    legs,
                    pump,
                );
                registry.insert(Arc::new(session));
            }
            (table, registry)
        };
        Fleet(tables.into_iter().map(register).collect())
    }

    /// Counts what was sent on each connection.
    fn count(&self, sent: &[usize]) {
        for (_, registry) in &self.0 {
            let mut sent = sent.iter();
            registry.each(|watched| {
                for (_, leg) in watched.session.legs.iter() {
                    leg.socket.add_written(*sent.next().unwrap() as u64);
                }
            });
        }
    }

    fn sweep(&self, now: Nanos, keepalive: bool) {
        let period = Duration::from_nanos(PERIOD.0);
        let round = || Round::new(INTERVAL, None, period, (Nanos(now.0 - PERIOD.0), now));
        for (table, registry) in &self.0 {
            let params = SweepParams { now, grace: GRACE, keepalive: keepalive.then(round) };
            reaper::sweep(
                table,
                registry,
                params,
                |_| {},
                |session, _, cause| panic!("session {} is to end: {cause:?}", session.id),
            );
        }
    }

    /// Waits until every row was written and everything that is taken was, so that the looks are at
    /// what they claim to be; then lets the sweep ask once those that stand still.
    fn settle(&self, waiting: usize) {
        let start = clock::now();
        loop {
            self.sweep(clock::now(), false);
            let (mut unwritten, mut waits) = (0, 0);
            for (_, registry) in &self.0 {
                registry.each(|watched| {
                    let samples = watched.session.legs.as_ref().map(|leg| leg.socket.sample());
                    unwritten += samples.iter().filter(|(_, at)| at.progress.0 == 0).count();
                    waits += watched.watches.legs.iter().filter(|(_, at)| !at.at_rest()).count();
                });
            }
            if unwritten == 0 && waits == waiting * self.0.len() {
                break;
            }
            assert!(clock::elapsed(start) < PATIENCE, "{unwritten} unwritten, {waits} wait");
            std::thread::sleep(Duration::from_millis(50));
        }
        self.sweep(clock::now(), false);
        self.sweep(clock::now(), false);
    }
}

fn tables(source: SourceWish, count: usize) -> Vec<Sockets> {
    let open = || Sockets::open(&Options { source, ..Options::default() }).unwrap();
    (0..count).map(|_| open()).collect()
}

pub(crate) fn table() -> String {
    let mut walked = vec![0u8; WALK];
    let mut text = format!(
        "**Looking**: processor time of the reaper's sweep over all legs, one leg in \
        {STUCK} at a closed window with something queued. \"Thrown out\": {} MB were walked through before each look, \
        which empties the caches of the core. 100,000 rows are ten tables over the same 10,000 sockets.\n\n\
        | rows | caches | `ebpf` | `tcp-info` | ratio | `ebpf`, with keepalive |\n\
        | ---: | --- | ---: | ---: | ---: | ---: |\n",
        WALK >> 20,
    );
    for (legs, times) in SIZES {
        eprintln!("sweeps over {} rows", legs * times);
        // Attached before the connections are made: the kernel calls back for these only.
        let attached = tables(SourceWish::Ebpf, times);
        let mut connections = Connections::open(legs);
        let kernel = Fleet::new(attached, &connections);
        let polled = Fleet::new(tables(SourceWish::TcpInfo, times), &connections);
        let sent = connections.send();
        for fleet in [&kernel, &polled] {
            fleet.count(&sent);
            fleet.settle(legs / STUCK);
        }
        let looks = if times == 1 { 41 } else { 15 };
        for cold in [false, true] {
            let mut took = [Vec::new(), Vec::new(), Vec::new()];
            for _ in 0..looks {
                let turns = [(&kernel, false), (&polled, false), (&kernel, true)];
                for ((fleet, keepalive), took) in turns.into_iter().zip(&mut took) {
                    if cold {
                        walk(&mut walked);
                    } else {
                        fleet.sweep(clock::now(), keepalive);
                    }
                    took.push(timed(fleet, keepalive));
                }
            }
            let [kernel, polled, keepalive] = took.map(median);
            let caches = if cold { "thrown out" } else { "warm" };
            writeln!(
                text,
                "| {} | {caches} | {} | {} | {:.0} | {} |",
                grouped(legs * times),
                shown(kernel),
                shown(polled),
                polled / kernel,
                shown(keepalive),
            )
            .unwrap();
        }
    }
    text
}

/// Nanoseconds of this thread's processor time for one sweep.
fn timed(fleet: &Fleet, keepalive: bool) -> f64 {
    let now = clock::now();
    let before = processor_time();
    fleet.sweep(now, keepalive);
    processor_time() - before
}

fn processor_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one live structure.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Writes to every line of the memory.
fn walk(memory: &mut [u8]) {
    for byte in memory.iter_mut().step_by(64) {
        *byte = byte.wrapping_add(1);
    }
    black_box(memory);
}

fn shown(ns: f64) -> String {
    if ns < 1e6 { format!("{:.0} µs", ns / 1e3) } else { format!("{:.1} ms", ns / 1e6) }
}

fn grouped(count: usize) -> String {
    format!("{},{:03}", count / 1_000, count % 1_000)
}
