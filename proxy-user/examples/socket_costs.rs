//! What the table of socket rows costs on this machine: `socket_costs ebpf|tcp-info LEGS`.
//!
//! A leg takes two descriptors. The looks stand between two `getppid` calls, so that `strace` shows
//! which system calls they make.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "a measurement, not part of the proxy"
)]

use std::{
    hint::black_box,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    os::unix::process::parent_id,
    time::{Duration, Instant},
};

use ebbtide::{
    core::time::Nanos,
    sockets::{Options, RegisteredSocket, Sockets, SourceWish},
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let source = match arguments.next().as_deref() {
        Some("ebpf") => SourceWish::Ebpf,
        Some("tcp-info") => SourceWish::TcpInfo,
        other => {
            println!("socket_costs ebpf|tcp-info LEGS, not {other:?}");
            return;
        }
    };
    let count: u32 = arguments.next().map_or(1_000, |count| count.parse().unwrap());

    let (sockets, opening) =
        timed(|| Sockets::open(&Options { source, ..Options::default() }).unwrap());
    println!("source {}: {}", sockets.source(), sockets.reason());
    println!("open                 {opening:?}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut pairs: Vec<(TcpStream, TcpStream)> = (0..count)
        .map(|_| {
            let far = TcpStream::connect(address).unwrap();
            (listener.accept().unwrap().0, far)
        })
        .collect();
    let (legs, registering) = timed(|| {
        pairs
            .iter()
            .map(|(near, _)| sockets.register(near.as_fd()).unwrap())
            .collect::<Vec<RegisteredSocket>>()
    });
    println!("register, each       {:?}", registering / count);
    for ((near, far), leg) in pairs.iter_mut().zip(&legs) {
        near.write_all(&[1; 100]).unwrap();
        leg.add_written(100);
        far.read_exact(&mut [0; 100]).unwrap();
    }

    let mut looks = Vec::new();
    let _ = parent_id();
    for _ in 0..101 {
        looks.push(timed(|| look(&sockets, &legs)).1);
    }
    let _ = parent_id();
    looks.sort_unstable();
    println!("look at all, median  {:?}", looks[looks.len() / 2]);
    println!("look at one          {:?}", looks[looks.len() / 2] / count);

    let ((), confirming) = timed(|| {
        for leg in &legs {
            black_box(leg.confirm(Nanos(1)).unwrap());
        }
    });
    println!("confirm, each        {:?}", confirming / count);
    let ((), releasing) = timed(|| drop(legs));
    println!("release, each        {:?}", releasing / count);
    println!("left                 {:?}", sockets.held().unwrap());
}

/// One sweep's look.
fn look(sockets: &Sockets, legs: &[RegisteredSocket]) {
    sockets.refresh(Nanos(1));
    for leg in legs {
        black_box(leg.sample());
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}
