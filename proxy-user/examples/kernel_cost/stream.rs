//! What the program takes from a loopback stream: the same traffic with and without it, in turn.
//!
//! Both ends of the connection are in the cgroup and registered, which is twice what a proxy has.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    thread,
    time::{Duration, Instant},
};

use ebbtide::sockets::{Options, Sockets, SourceWish};
use socket2::SockRef;

use crate::median::{median, quartiles};

/// Windows of bbr, the default on some machines, follow its own clock; cubic is the usual default.
const CONGESTION: &[u8] = b"cubic";
/// Of each end, in bytes (the kernel doubles it): left alone, buffers grow by chance beyond the caches.
const BUFFER: usize = 512 << 10;

/// Units of work per second, and processor nanoseconds per unit, of the whole process.
#[derive(Clone, Copy)]
struct Rate {
    each_second: f64,
    ns_each: f64,
}

type Work = fn(TcpStream, TcpStream, Duration) -> u64;

/// Its name, the work, and how its rate and processor time are shown.
type Traffic = (&'static str, Work, fn(Rate) -> [String; 2]);

pub(crate) fn table(time: Duration, rounds: usize) -> String {
    let mut text = format!(
        "**In the way of the bytes**: one loopback connection ({}), {} × {} s each, in turn; medians, \
        and of each round's ratio the median and the middle half. Both ends are registered, which is \
        twice what a proxy has.\n\n\
        | traffic | without | with the program | ratio | processor time without | with | ratio |\n\
        | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        String::from_utf8_lossy(CONGESTION),
        rounds,
        time.as_secs_f64(),
    );
    let bulk: Traffic = ("64 KiB writes", bulk, |rate| {
        [format!("{:.2} GB/s", rate.each_second / 1e9), format!("{:.3} ns/byte", rate.ns_each)]
    });
    let ping: Traffic = ("64 bytes there and back", ping, |rate| {
        [format!("{:.0} /s", rate.each_second), format!("{:.2} µs", rate.ns_each / 1e3)]
    });
    for (name, work, shown) in [bulk, ping] {
        let mut pairs = Vec::new();
        for round in 0..rounds {
            // Which comes first changes too: neither always follows the other's warm caches.
            let first = run(round % 2 == 1, work, time);
            let second = run(round % 2 == 0, work, time);
            let (without, with) = if round % 2 == 0 { (first, second) } else { (second, first) };
            eprintln!(
                "{name}, round {} of {rounds}: rate ratio {:.3}, processor ratio {:.3}",
                round + 1,
                with.each_second / without.each_second,
                with.ns_each / without.ns_each
            );
            pairs.push((without, with));
        }
        let middle = |of: fn(&(Rate, Rate)) -> Rate| Rate {
            each_second: median(pairs.iter().map(|pair| of(pair).each_second)),
            ns_each: median(pairs.iter().map(|pair| of(pair).ns_each)),
        };
        let [rate_without, cost_without] = shown(middle(|pair| pair.0));
        let [rate_with, cost_with] = shown(middle(|pair| pair.1));
        let rate = ratio(pairs.iter().map(|(a, b)| b.each_second / a.each_second));
        let cost = ratio(pairs.iter().map(|(a, b)| b.ns_each / a.ns_each));
        writeln!(
            text,
            "| {name} | {rate_without} | {rate_with} | {rate} | {cost_without} | {cost_with} | {cost} |"
        )
        .unwrap();
    }
    text
}

fn ratio(rounds: impl Iterator<Item = f64>) -> String {
    let [low, middle, high] = quartiles(rounds);
    format!("{middle:.3} ({low:.2} to {high:.2})")
}

fn run(attached: bool, work: Work, time: Duration) -> Rate {
    let open =
        || Sockets::open(&Options { source: SourceWish::Ebpf, ..Options::default() }).unwrap();
    let sockets = attached.then(open);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let far = listener.accept().unwrap().0;
    for end in [&near, &far] {
        end.set_nodelay(true).unwrap();
        let end = SockRef::from(end);
        end.set_tcp_congestion(CONGESTION).unwrap();
        end.set_send_buffer_size(BUFFER).unwrap();
        end.set_recv_buffer_size(BUFFER).unwrap();
    }
    let legs = sockets
        .as_ref()
        .map(|sockets| [&near, &far].map(|end| sockets.register(end.as_fd()).unwrap()));
    let (cpu, start) = (processor_time(), Instant::now());
    let units = work(near, far, time) as f64;
    let (cpu, wall) = (processor_time() - cpu, start.elapsed());
    drop(legs);
    Rate { each_second: units / wall.as_secs_f64(), ns_each: cpu / units }
}

/// Bytes that went through; a core for each end.
fn bulk(mut near: TcpStream, mut far: TcpStream, time: Duration) -> u64 {
    let reader = thread::spawn(move || {
        pin(1);
        let (mut buffer, mut bytes) = (vec![0; 64 << 10], 0);
        while let count @ 1.. = far.read(&mut buffer).unwrap() {
            bytes += count as u64;
        }
        bytes
    });
    let writer = thread::spawn(move || {
        pin(0);
        let (buffer, start) = (vec![0; 64 << 10], Instant::now());
        while start.elapsed() < time {
            near.write_all(&buffer).unwrap();
        }
    });
    writer.join().unwrap();
    reader.join().unwrap()
}

/// Round trips; both ends on one core, so that the rate shows the work and not the waking.
fn ping(mut near: TcpStream, mut far: TcpStream, time: Duration) -> u64 {
    let echo = thread::spawn(move || {
        pin(0);
        let mut message = [0; 64];
        while far.read_exact(&mut message).is_ok() {
            far.write_all(&message).unwrap();
        }
    });
    let asking = thread::spawn(move || {
        pin(0);
        let (mut message, mut trips, start) = ([0; 64], 0, Instant::now());
        while start.elapsed() < time {
            near.write_all(&message).unwrap();
            near.read_exact(&mut message).unwrap();
            trips += 1;
        }
        trips
    });
    let trips = asking.join().unwrap();
    echo.join().unwrap();
    trips
}

/// Keeps this thread on one core where there are two; elsewhere it stays where it is.
fn pin(core: usize) {
    // SAFETY: an empty set is a valid one; the calls take one live structure.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// Nanoseconds of processor time of this process, user and kernel.
fn processor_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one live structure.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
