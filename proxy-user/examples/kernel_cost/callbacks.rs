//! What one callback costs in the kernel, by the kernel's own count (`BPF_ENABLE_STATS`).
//!
//! Every program that this process holds is reported by its name: one that is added to the object
//! appears in the table without a change here.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
};

use aya::sys::{Stats, enable_stats};
use ebbtide::sockets::{Options, RegisteredSocket, Sockets, SourceWish};

use crate::median::median;

/// Round trips per round.
const TRIPS: usize = 20_000;
const CONNECTIONS: [usize; 2] = [1, 1_000];

/// Runs and nanoseconds of one program so far.
#[derive(Clone, Copy, Default)]
struct Count {
    runs: u64,
    ns: u64,
}

/// What one round of one case showed: callbacks per round trip, and nanoseconds per callback.
struct Found {
    each_trip: f64,
    ns: f64,
}

pub(crate) fn table(rounds: usize) -> String {
    // Counting stops when the descriptor is closed, however this process ends.
    let counting = enable_stats(Stats::RunTime).unwrap();
    let mut text =
        "**In the kernel**: 64 bytes there and back over loopback, one thread, both ends \
        in the cgroup. The time contains the kernel's own reading of the clock for this count.\n\n\
        | program | connections in turn | sockets | callbacks per round trip | ns per callback |\n\
        | --- | ---: | --- | ---: | ---: |\n"
            .to_owned();
    for connections in CONNECTIONS {
        eprintln!("callbacks over {connections} connection(s)");
        let sockets =
            Sockets::open(&Options { source: SourceWish::Ebpf, ..Options::default() }).unwrap();
        let mut pairs = connect(connections);
        let mut found: BTreeMap<(String, bool), Vec<Found>> = BTreeMap::new();
        for round in 0..2 * rounds.max(1) {
            let registered = round % 2 == 1;
            let legs: Vec<RegisteredSocket> =
                if registered { register(&sockets, &pairs) } else { Vec::new() };
            travel(&mut pairs, TRIPS / 10);
            let before = counts();
            travel(&mut pairs, TRIPS);
            for (name, after) in counts() {
                let before = before.get(&name).copied().unwrap_or_default();
                let (runs, ns) = (after.runs - before.runs, after.ns - before.ns);
                if runs > 0 {
                    let each = Found {
                        each_trip: runs as f64 / TRIPS as f64,
                        ns: ns as f64 / runs as f64,
                    };
                    found.entry((name, registered)).or_default().push(each);
                }
            }
            drop(legs);
        }
        for ((name, registered), found) in found {
            let sockets = if registered { "registered" } else { "not registered" };
            let trip = median(found.iter().map(|found| found.each_trip));
            let ns = median(found.iter().map(|found| found.ns));
            writeln!(text, "| `{name}` | {connections} | {sockets} | {trip:.1} | {ns:.0} |")
                .unwrap();
        }
    }
    drop(counting);
    text
}

fn connect(count: usize) -> Vec<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (0..count)
        .map(|_| {
            let far = TcpStream::connect(address).unwrap();
            let near = listener.accept().unwrap().0;
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            (near, far)
        })
        .collect()
}

fn register(sockets: &Sockets, pairs: &[(TcpStream, TcpStream)]) -> Vec<RegisteredSocket> {
    let both = pairs.iter().flat_map(|(near, far)| [near, far]);
    both.map(|end| sockets.register(end.as_fd()).unwrap()).collect()
}

fn travel(pairs: &mut [(TcpStream, TcpStream)], trips: usize) {
    let mut message = [0; 64];
    let count = pairs.len();
    for trip in 0..trips {
        let (near, far) = &mut pairs[trip % count];
        near.write_all(&message).unwrap();
        far.read_exact(&mut message).unwrap();
        far.write_all(&message).unwrap();
        near.read_exact(&mut message).unwrap();
    }
}

/// The programs that this process holds, by name, from what `proc_pid_fdinfo(5)` shows of them.
fn counts() -> BTreeMap<String, Count> {
    let mut counts = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/fdinfo").unwrap().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<u64>().ok())
        };
        // A link's descriptor shows its program's number too, without the counts.
        let (Some(id), Some(ns), Some(runs)) =
            (field("prog_id:"), field("run_time_ns:"), field("run_cnt:"))
        else {
            continue;
        };
        counts.insert(name_of(id), Count { runs, ns });
    }
    counts
}

fn name_of(id: u64) -> String {
    let mut programs = aya::programs::loaded_programs().flatten();
    let found = programs.find(|program| u64::from(program.id()) == id);
    found.and_then(|program| program.name_as_str().map(str::to_owned)).unwrap_or_default()
}
