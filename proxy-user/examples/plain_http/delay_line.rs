//! A link that takes time: two TUN devices, each in a network namespace of its own, and a thread that
//! carries every packet over after a delay, no faster than the link is wide.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::fd::AsRawFd,
    os::unix::fs::OpenOptionsExt,
    process::Command,
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    sync::mpsc::{self, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The proxy's address on the link.
pub(crate) const NEAR: &str = "10.112.0.1";
const FAR: &str = "10.112.0.2";
/// For how long packets wait at most to enter the link; what finds no room is dropped, as in any router.
const QUEUE: Duration = Duration::from_millis(100);
/// A packet of an Ethernet's size.
const MTU: usize = 1500;

type Errand = Box<dyn FnOnce() + Send>;

/// Puts this thread, and all that it starts, into a network namespace of its own.
pub(crate) fn unshare() {
    // SAFETY: unshare takes a plain number.
    let outcome = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    assert_eq!(outcome, 0, "unshare: {} (needs root)", std::io::Error::last_os_error());
    ip(&["link", "set", "lo", "up"]);
}

fn ip(words: &[&str]) {
    let status = Command::new("ip").args(words).status().unwrap();
    assert!(status.success(), "ip {words:?}");
}

pub(crate) struct DelayLine {
    /// To the thread at its far end, which ends with this.
    errands: Sender<Errand>,
    stop: Arc<AtomicBool>,
    carrier: Option<JoinHandle<()>>,
}

impl DelayLine {
    /// `megabits`: per second, each way.
    pub(crate) fn start(delay: Duration, megabits: u64) -> DelayLine {
        let near = tun(NEAR);
        let (errands, waiting) = mpsc::channel::<Errand>();
        let (opened, far) = mpsc::channel();
        thread::spawn(move || {
            unshare();
            opened.send(tun(FAR)).unwrap();
            waiting.iter().for_each(|errand| errand());
        });
        let far = far.recv().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let per_byte = Duration::from_nanos(8000 / megabits);
        let carrier = thread::spawn(move || {
            let mut ways = [Way::new(&near, &far), Way::new(&far, &near)];
            while !stopped.load(Relaxed) {
                let now = Instant::now();
                for way in &mut ways {
                    way.take(now, delay, per_byte);
                    way.give(now);
                }
                // A busy loop would take a core from the proxy.
                thread::sleep(Duration::from_micros(200));
            }
        });
        DelayLine { errands, stop, carrier: Some(carrier) }
    }

    /// Runs something at the far end, and waits for it.
    pub(crate) fn far(&self, act: impl FnOnce() + Send + 'static) {
        let (done, waiting) = mpsc::channel();
        let errand = move || {
            act();
            done.send(()).unwrap();
        };
        self.errands.send(Box::new(errand)).unwrap();
        waiting.recv().unwrap();
    }
}

impl Drop for DelayLine {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.carrier.take().unwrap().join().unwrap();
    }
}

/// One direction.
struct Way<'a> {
    from: &'a File,
    to: &'a File,
    /// With the time at which each arrives.
    under_way: VecDeque<(Instant, Vec<u8>)>,
    /// When the link can take the next.
    free: Instant,
}

impl<'a> Way<'a> {
    fn new(from: &'a File, to: &'a File) -> Way<'a> {
        Way { from, to, under_way: VecDeque::new(), free: Instant::now() }
    }

    fn take(&mut self, now: Instant, delay: Duration, per_byte: Duration) {
        let mut packet = [0; MTU];
        while let Ok(length) = self.from.read(&mut packet) {
            let enters = self.free.max(now);
            if enters.duration_since(now) <= QUEUE {
                self.free = enters + per_byte * length as u32;
                self.under_way.push_back((self.free + delay, packet[..length].to_vec()));
            }
        }
    }

    fn give(&mut self, now: Instant) {
        while let Some((_, packet)) = self.under_way.pop_front_if(|(arrives, _)| *arrives <= now) {
            // What the device does not take is lost, as on any link.
            let _ = self.to.write(&packet);
        }
    }
}

/// A device with this address in this thread's namespace, gone with its file.
fn tun(address: &str) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open("/dev/net/tun").unwrap();
    // SAFETY: all bytes zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"wire") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;
    // SAFETY: TUNSETIFF takes an ifreq that lives through the call.
    let outcome = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw const request) };
    assert_eq!(outcome, 0, "TUNSETIFF: {}", std::io::Error::last_os_error());
    ip(&["address", "add", &format!("{address}/24"), "dev", "wire"]);
    ip(&["link", "set", "dev", "wire", "mtu", &MTU.to_string(), "txqueuelen", "10000", "up"]);
    file
}
