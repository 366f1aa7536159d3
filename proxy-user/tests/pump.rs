//! The pump under load: nothing lost or reordered, no memory for a reader that does not read,
//! nothing left of sessions that ended.
//!
//! Sizes: `EBBTIDE_PUMP_BYTES` (per direction, default 64 MiB) and `EBBTIDE_PUMP_SESSIONS` (default
//! 10000). The full gigabyte: `EBBTIDE_PUMP_BYTES=1073741824 cargo test --release --test pump`.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "figures are printed; a helper that cannot go on stops"
)]

mod harness;

use std::time::Duration;

use harness::app::App;
use harness::frame::{BINARY, CONTINUATION, Frame, header};
use harness::payload::{Random, StreamHash};
use harness::session::{Peer, Role, open, open_over};
use harness::setup::Setup;
use harness::traffic::{self, Pace};
use harness::wait::{Stopwatch, eventually, pause};
use harness::wire::{Wire, is_timeout};

fn size(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// What one side sent or saw: payload length and hash, data frames, control frames.
type Account = ((u64, u64), u64, u64);

/// Sends `total` payload bytes as messages in random fragments, a ping between some of them.
fn pour(wire: Wire, role: Role, total: usize, seed: u64) -> Account {
    let mut peer = Peer::new(wire, role);
    let mut random = Random::seeded(seed);
    let (mut hash, mut data, mut control) = (StreamHash::default(), 0, 0);
    let (mut left, mut inside) = (total, false);
    // Frames are gathered and written in cuts that know nothing of their borders.
    let mut pending = Vec::new();
    while left > 0 || inside {
        let largest = if random.below(8) == 0 { 200_000 } else { 600 };
        let length = random.below(largest).min(left);
        let payload = random.bytes(length);
        left -= payload.len();
        hash.add(&payload);
        let opcode = if inside { CONTINUATION } else { BINARY };
        inside = left > 0 && random.below(3) > 0;
        let frame = Frame { fin: !inside, ..Frame::new(opcode, payload) };
        pending.extend(peer.encode(&frame));
        data += 1;
        if random.below(50) == 0 {
            pending.extend(peer.encode(&Frame::ping("between")));
            control += 1;
        }
        let cut = random.below(100_000);
        if pending.len() > cut {
            let rest = pending.split_off(cut);
            peer.wire.send(&pending);
            pending = rest;
        }
    }
    pending.extend(peer.encode(&Frame::close(1000, "")));
    peer.wire.send(&pending);
    (hash.finish(), data, control)
}

/// Reads until the Close frame.
fn collect(peer: &mut Peer) -> Account {
    let (mut hash, mut data, mut control) = (StreamHash::default(), 0, 0);
    loop {
        let frame = peer.receive();
        if frame.close_code().is_some() {
            return (hash.finish(), data, control);
        }
        if frame.is_control() {
            control += 1;
        } else {
            hash.add(&frame.payload);
            data += 1;
        }
    }
}

#[test]
fn both_directions_at_once_arrive_whole_and_in_order() {
    let total = size("EBBTIDE_PUMP_BYTES", 64 << 20);
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let (mut client, mut server) = open(&proxy, &app);
    let watch = Stopwatch::start();
    let (up, down) = std::thread::scope(|scope| {
        let (client_writer, server_writer) = (client.wire.writer(), server.wire.writer());
        let up = scope.spawn(move || pour(client_writer, Role::Client, total, 21));
        let down = scope.spawn(move || pour(server_writer, Role::App, total, 22));
        let at_app = scope.spawn(|| collect(&mut server));
        let at_client = scope.spawn(|| collect(&mut client));
        let up = (up.join().unwrap(), at_app.join().unwrap());
        (up, (down.join().unwrap(), at_client.join().unwrap()))
    });
    let mib = |bytes: u64| bytes >> 20;
    println!(
        "{} MiB up in {} frames (hash {:016x}), {} MiB down in {} frames (hash {:016x}): {:.1} s",
        mib(up.0.0.0),
        up.0.1,
        up.0.0.1,
        mib(down.0.0.0),
        down.0.1,
        down.0.0.1,
        watch.seconds()
    );
    assert_eq!(up.0, up.1, "client → app: sent, received");
    assert_eq!(down.0, down.1, "app → client: sent, received");
    let metrics = proxy.metrics();
    for (direction, account) in [("input", up.0), ("output", down.0)] {
        let labels = [("app", "demo"), ("direction", direction), ("kind", "data")];
        assert_eq!(metrics.count("ebbtide_frames_total", &labels), account.1, "{direction}");
    }
}

/// The peer stops being able to send long before it has sent everything; the proxy holds next to
/// nothing of it; and once somebody reads again, all of it arrives.
fn back_pressure(sender: Role) {
    const OFFER: usize = 256 << 20;
    let app = App::listen();
    let proxy = Setup::demo(app.address()).section("[stall]\ngrace = \"10m\"").start();
    let (client, server) = open(&proxy, &app);
    let (from, mut to) = match sender {
        Role::Client => (client.wire, server.wire),
        Role::App => (server.wire, client.wire),
    };
    let before = proxy.resident_bytes();
    let key = (sender == Role::Client).then_some([0; 4]);
    let mut bytes = header(0x82, OFFER as u64, key);
    bytes.extend(Random::seeded(31).bytes(OFFER));
    from.stream().set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut sent = 0;
    loop {
        match std::io::Write::write(&mut from.stream(), &bytes[sent..]) {
            Ok(count) => sent += count,
            Err(e) if is_timeout(&e) => break,
            Err(e) => panic!("after {sent} bytes: {e}"),
        }
        assert!(sent < bytes.len(), "all {sent} bytes were taken though nobody reads");
    }
    let grown = proxy.resident_bytes().saturating_sub(before);
    println!("{sender:?}: {sent} bytes taken of {OFFER}, the proxy grew by {grown}");
    assert!(grown < 16 << 20, "the proxy grew by {grown} bytes");
    assert_eq!(proxy.sessions().len(), 1);
    let (mut rest, tail) = (from.writer(), bytes[sent..].to_vec());
    let writer = std::thread::spawn(move || rest.send(tail));
    let (mut expected, mut received) = (bytes.as_slice(), 0);
    while !expected.is_empty() {
        let piece = to.exactly(expected.len().min(1 << 20));
        assert!(piece == expected[..piece.len()], "changed after {received} bytes");
        received += piece.len();
        expected = &expected[piece.len()..];
    }
    writer.join().unwrap();
}

#[test]
fn a_client_that_does_not_read_stops_the_app_and_costs_no_memory() {
    back_pressure(Role::App);
}

#[test]
fn an_app_that_does_not_read_stops_the_client_and_costs_no_memory() {
    back_pressure(Role::Client);
}

/// One direction at a standstill must not stop the other.
#[test]
fn directions_do_not_wait_for_each_other() {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).section("[stall]\ngrace = \"10m\"").start();
    let (mut client, mut server) = open(&proxy, &app);
    server.wire.stream().set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let flood = header(0x82, 1 << 40, None);
    server.wire.send(&flood);
    let piece = vec![0; 1 << 20];
    while server.wire.try_send(&piece).is_ok() {}
    for n in 0..100 {
        let frame = Frame::text(&format!("input {n}"));
        client.send(&frame);
        server.expect(&frame);
    }
}

/// Nor must a direction that is busy all the time: with frames so small that the proxy is the slowest
/// of all, there is always more to read and always room to write.
fn frames_pass_a_flood(flooder: Role) {
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let (client, server) = open(&proxy, &app);
    let (mut flooder, mut other) = match flooder {
        Role::Client => (client, server),
        Role::App => (server, client),
    };
    let unceasing = Pace::new(1 << 30, 0);
    let unit = flooder.encode(&Frame::text("x")).repeat(10_000);
    let flood = traffic::send(&flooder.wire, unit, unceasing);
    let sink = traffic::read(&other.wire, unceasing);
    eventually("the flood is on", || (sink.bytes() > 1 << 20).then_some(()));
    for n in 0..50 {
        let frame = Frame::text(&format!("small {n}"));
        other.send(&frame);
        flooder.expect(&frame);
    }
    let so_far = sink.bytes();
    eventually("the flood still goes on", || (sink.bytes() > so_far).then_some(()));
    drop((flood, sink));
}

#[test]
fn a_client_that_never_pauses_does_not_silence_its_app() {
    frames_pass_a_flood(Role::Client);
}

#[test]
fn an_app_that_never_pauses_does_not_silence_its_client() {
    frames_pass_a_flood(Role::App);
}

#[test]
fn ten_thousand_sessions_leave_nothing_behind() {
    const BATCH: usize = 200;
    let total = size("EBBTIDE_PUMP_SESSIONS", 10_000);
    let app = App::listen();
    let proxy = Setup::demo(app.address()).start();
    let mut baseline = None;
    let mut opened = 0;
    while opened < total {
        let mut batch: Vec<_> =
            (0..BATCH).map(|_| open_over(proxy.connect(), &app, "", "")).collect();
        opened += batch.len();
        for (n, (mut client, mut server)) in batch.drain(..).enumerate() {
            client.send(&Frame::text("once"));
            server.expect(&Frame::text("once"));
            match n % 5 {
                0 => {
                    client.send(&Frame::close(1000, ""));
                    server.expect(&Frame::close(1000, ""));
                    server.send(&Frame::close(1000, ""));
                    client.expect(&Frame::close(1000, ""));
                }
                1 => drop(client),
                2 => client.wire.reset(),
                3 => drop(server),
                _ => server.wire.reset(),
            }
        }
        // Descriptors of the first batch's end are the proxy's own: pools and listeners.
        if baseline.is_none() {
            proxy.await_sessions(0);
            pause(Duration::from_secs(1));
            baseline = Some(proxy.descriptors());
        }
    }
    proxy.await_sessions(0);
    assert_eq!(proxy.sessions(), Vec::<serde_json::Value>::new());
    let metrics = proxy.metrics();
    assert_eq!(metrics.count("ebbtide_sessions_total", &[("app", "demo")]), opened as u64);
    let baseline = baseline.unwrap();
    eventually(&format!("not more than {baseline} descriptors"), || {
        (proxy.descriptors() <= baseline).then_some(())
    });
    println!(
        "{opened} sessions; descriptors {baseline} after {BATCH}, {} now",
        proxy.descriptors()
    );
}
