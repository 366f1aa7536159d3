//! What a sweep's look costs: rows that the kernel writes against `TCP_INFO` and `SIOCOUTQ`, over the
//! same sockets, in turn, in processor time of the one thread that looks.
//!
//! [`Fleet::sweep`] is what `reaper::sweep` does while nobody is to be reaped.

use std::{fmt::Write as _, hint::black_box, os::fd::AsFd, sync::Arc, time::Duration};

use ebbtide::{
    clock,
    config::App as AppConfig,
    core::{stall::Verdict, time::Nanos},
    events::Events,
    session::{Account, App, Leg, Registry, Session, Watched},
    sockets::{Options, Sockets, SourceWish},
};

use crate::{far::Connections, median::median};

/// No look may convict: that would ask sockets.
const GRACE: Duration = Duration::from_secs(3600);
/// How long acknowledgements may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than the caches of a core.
const WALK: usize = 64 << 20;
/// Real legs, and the number of rows that each has.
const SIZES: [(usize, usize); 3] = [(1_000, 1), (10_000, 1), (10_000, 10)];
/// One leg in so many has something queued, as in a fleet at work.
const QUEUED: usize = 10;

/// Sessions whose rows have one kind of writer.
struct Fleet {
    /// More than one where each socket has several rows: a table knows a socket once.
    tables: Vec<Sockets>,
    registry: Registry,
}

impl Fleet {
    /// Registers each connection in each table.
    fn new(tables: Vec<Sockets>, connections: &Connections) -> Fleet {
        let registry = Registry::default();
        let upstream = "http://127.0.0.1:1".parse().unwrap();
        let app = AppConfig::new("demo".to_owned(), upstream);
        let account = Account::new(&app, Vec::new(), Events::default(), clock::now());
        let app = Arc::new(App::new(app, account));
        for table in &tables {
            let mut legs = connections.near.iter().enumerate().map(|(n, socket)| {
                let leg = table.register(socket.as_fd()).unwrap();
                if n % QUEUED == 0 {
                    leg.add_written(1);
                }
                Leg::new(socket.peer_addr().unwrap(), leg)
            });
            while let (Some(client), Some(upstream)) = (legs.next(), legs.next()) {
                let id = registry.next_id();
                let session = Session::new(id, Arc::clone(&app), clock::now(), client, upstream);
                registry.insert(Arc::new(session));
            }
        }
        Fleet { tables, registry }
    }

    /// One look at everything; how many legs wait.
    fn sweep(&self, now: Nanos) -> usize {
        for table in &self.tables {
            table.refresh(now);
        }
        let mut waiting = 0;
        self.registry.sweep(|watched| {
            let Watched { session, client, upstream, .. } = watched;
            let (near, far) = (session.client.socket.sample(), session.upstream.socket.sample());
            let legs = [(&near, client, far.queued > 0), (&far, upstream, near.queued > 0)];
            for (sample, watch, passing) in legs {
                let verdict = watch.look(sample, passing, now, GRACE);
                assert_eq!(verdict, Verdict::Fine);
                waiting += usize::from(watch.waiting_since().is_some());
            }
            black_box(session.closing());
        });
        waiting
    }

    /// Waits until every row was written: the looks are at what they claim to be.
    fn await_writes(&self) {
        let start = clock::now();
        loop {
            self.sweep(clock::now());
            let mut unwritten = 0;
            self.registry.each(|watched| {
                let legs = [&watched.session.client, &watched.session.upstream];
                unwritten += legs.iter().filter(|leg| leg.socket.sample().progress.0 == 0).count();
            });
            if unwritten == 0 {
                return;
            }
            assert!(clock::elapsed(start) < PATIENCE, "{unwritten} rows were never written");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn tables(source: SourceWish, count: usize) -> Vec<Sockets> {
    let open = || Sockets::open(&Options { source, ..Options::default() }).unwrap();
    (0..count).map(|_| open()).collect()
}

pub(crate) fn table() -> String {
    let mut walked = vec![0u8; WALK];
    let mut text = format!(
        "**Looking**: processor time of one sweep over all legs (registry, sample, verdict), one leg in \
        {QUEUED} with something queued. \"Thrown out\": {} MB were walked through before each look, \
        which empties the caches of the core. 100,000 rows are ten tables over the same 10,000 sockets.\n\n\
        | rows | caches | `ebpf` | `tcp-info` | ratio |\n| ---: | --- | ---: | ---: | ---: |\n",
        WALK >> 20,
    );
    for (legs, times) in SIZES {
        eprintln!("sweeps over {} rows", legs * times);
        // Attached before the connections are made: the kernel calls back for these only.
        let attached = tables(SourceWish::Ebpf, times);
        let mut connections = Connections::open(legs);
        let kernel = Fleet::new(attached, &connections);
        let polled = Fleet::new(tables(SourceWish::TcpInfo, times), &connections);
        connections.send(&[1; 100]);
        kernel.await_writes();
        polled.await_writes();
        let looks = if times == 1 { 41 } else { 15 };
        for cold in [false, true] {
            let mut took = [Vec::new(), Vec::new()];
            for _ in 0..looks {
                for (fleet, took) in [&kernel, &polled].into_iter().zip(&mut took) {
                    if cold {
                        walk(&mut walked);
                    } else {
                        fleet.sweep(clock::now());
                    }
                    took.push(timed(fleet));
                }
            }
            let [kernel, polled] = took.map(median);
            let caches = if cold { "thrown out" } else { "warm" };
            writeln!(
                text,
                "| {} | {caches} | {} | {} | {:.0} |",
                grouped(legs * times),
                shown(kernel),
                shown(polled),
                polled / kernel
            )
            .unwrap();
        }
    }
    text
}

/// Nanoseconds of this thread's processor time for one sweep.
fn timed(fleet: &Fleet) -> f64 {
    let now = clock::now();
    let before = processor_time();
    black_box(fleet.sweep(now));
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
