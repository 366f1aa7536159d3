//! The case that breaks a naive build: everything was acked, the window closed, then one more write.
//! No callback follows; only a probe makes the row say so.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use aya::sys::{Stats, enable_stats};
use ebbtide::sockets::{ForeignLeg, ForeignSockets, Options, Probe, SourceWish};
use libtest_mimic::Failed;
use socket2::SockRef;

use crate::harness::wait::{eventually, pause};
use crate::scene::narrow;

fn open(port: u16, probe: Option<Probe>) -> Result<ForeignSockets, String> {
    let options = Options { source: SourceWish::Ebpf, max_legs: 64, ..Options::default() };
    let sockets = ForeignSockets::open(&options, &[port], probe.as_slice());
    let sockets = sockets.map_err(|error| format!("{error:?}"))?;
    if sockets.probe() == probe {
        return Ok(sockets);
    }
    // Of the whole sentence, what was refused stands last.
    let reason = sockets.reason().split_once(" (").map_or(sockets.reason(), |(_, why)| why);
    Err(reason.trim_end_matches(')').to_owned())
}

/// Why this kernel cannot run the trial with this probe.
pub(crate) fn refused(probe: Option<Probe>) -> Option<String> {
    if !std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Some("without BTF a row has no window".to_owned());
    }
    open(1, probe).err()
}

pub(crate) fn write_into_closed_window(probe: Option<Probe>) -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sockets = open(listener.local_addr().unwrap().port(), probe)?;
    let mut far = narrow(listener.local_addr().unwrap());
    let (mut near, _) = listener.accept().unwrap();
    let leg = sockets.watch(SockRef::from(&near).cookie().unwrap());

    let written = close_window(&mut near, &leg);
    let closed = leg.sample();
    assert_eq!((closed.queued, closed.window, closed.acked), (0, 0, written as u64));
    near.write_all(&[7; 1_000]).unwrap();
    match probe {
        Some(_) => {
            eventually("the write is in the row", || (leg.sample().queued == 1_000).then_some(()));
        }
        None => {
            // Several window probes later the row still knows nothing of it.
            pause(Duration::from_secs(1));
            assert_eq!(leg.sample().queued, 0);
        }
    }
    assert_eq!((leg.sample().acked, leg.sample().window), (closed.acked, 0));
    far.read_exact(&mut vec![0; written + 1_000]).unwrap();
    eventually("the reader returns", || (leg.sample().acked == closed.acked + 1_000).then_some(()));
    assert_eq!(leg.sample().queued, 0);
    cost(&sockets, leg, &mut near, &mut far);
    Ok(())
}

/// Writes no more than the window allows until nothing of it is left; bytes written.
fn close_window(near: &mut TcpStream, leg: &ForeignLeg) -> usize {
    let (mut written, mut next) = (0, 512);
    while next > 0 {
        near.write_all(&vec![7; next]).unwrap();
        written += next;
        eventually("what the window allows is acked", || {
            (leg.sample().acked == written as u64).then_some(())
        });
        next = usize::try_from(leg.sample().window).unwrap().min(1_024);
    }
    written
}

/// Prints what a send costs with the probe, by the kernel's own count: on a socket that is watched and
/// on one that is not.
fn cost(sockets: &ForeignSockets, leg: ForeignLeg, near: &mut TcpStream, far: &mut TcpStream) {
    // The kernel counts as long as this lives (Linux 5.8).
    let Ok(_counting) = enable_stats(Stats::RunTime) else { return };
    let mut measure = |what: &str| {
        let before = sockets.probe_cost().unwrap();
        for _ in 0..10_000 {
            near.write_all(&[1; 100]).unwrap();
            far.read_exact(&mut [0; 100]).unwrap();
        }
        let (Some(before), Some(after)) = (before, sockets.probe_cost().unwrap()) else { return };
        let (runs, time) = (after.0 - before.0, after.1 - before.1);
        if let Some(nanos) = time.as_nanos().checked_div(u128::from(runs)) {
            let probe = sockets.probe().map_or("none", Probe::name);
            eprintln!("{probe}: {nanos} ns a send on {what} socket, over {runs}");
        }
    };
    measure("a watched");
    drop(leg);
    measure("any other");
}
