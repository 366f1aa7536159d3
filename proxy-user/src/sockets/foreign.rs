//! The table for sockets of other processes: rows written by the kernel, complemented by its socket list
//! (`diag`).
//!
//! Nothing here searches for sockets (`observe` does) or decides what a value means (`core` does).

use std::{io, path::Path, sync::Arc};

use aya::maps::{HashMap, MapData, RingBuf};
use parking_lot::{Mutex, MutexGuard};
use proxy_common::Row;
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    Options, Source, SourceWish,
    diag::Entry,
    ebpf::Kernel,
    load::{ARRIVALS, LoadError, Object, Others, PORTS, sentence},
    places::Places,
    probe::{self, Probe},
    row::{AtomicRow, tcp_state},
    tcp_info::Account,
};
use crate::core::{stall::Sample, time::Nanos};

/// The table. The kernel programs are detached when it and its last leg are dropped.
pub struct ForeignSockets {
    rows: Option<Arc<Rows>>,
    arrivals: Option<RingBuf<MapData>>,
    probe: Option<Probe>,
    reason: String,
}

/// The kernel's rows, and which of them are free.
struct Rows {
    kernel: Kernel,
    places: Mutex<Places>,
}

impl Rows {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock()
    }
}

/// New connections, as announced by the kernel.
pub struct Arrivals(AsyncFd<RingBuf<MapData>>);

impl Arrivals {
    /// Waits for announcements and returns the cookies of the new connections. Cancel-safe: what was not
    /// returned is returned by the next call.
    ///
    /// # Errors
    /// A ring buffer that can no longer be polled.
    pub async fn next(&mut self) -> io::Result<Vec<u64>> {
        let mut ready = self.0.readable_mut().await?;
        let ring = ready.get_inner_mut();
        let mut cookies = Vec::new();
        while let Some(item) = ring.next() {
            cookies.extend(item.first_chunk().map(|cookie| u64::from_ne_bytes(*cookie)));
        }
        ready.clear_ready();
        Ok(cookies)
    }
}

impl ForeignSockets {
    /// Opens the table for connections accepted on these local ports in the cgroup of `options`. `wanted`:
    /// the probes to try, in order; [`Probe::ALL`] except in tests.
    ///
    /// # Errors
    /// [`SourceWish::Ebpf`] if it is not available.
    pub fn open(
        options: &Options,
        ports: &[u16],
        wanted: &[Probe],
    ) -> Result<ForeignSockets, LoadError> {
        let without = |reason| ForeignSockets { rows: None, arrivals: None, probe: None, reason };
        match (options.source, load(options, ports, wanted)) {
            (SourceWish::TcpInfo, _) => {
                Ok(without("polling the kernel's socket list was requested".to_owned()))
            }
            (_, Ok(table)) => Ok(table),
            (SourceWish::Ebpf, Err(error)) => Err(error),
            (SourceWish::Auto, Err(error)) => {
                Ok(without(format!("eBPF is not available: {}", sentence(&error))))
            }
        }
    }

    /// Who writes the rows: the kernel, or this process from the kernel's socket list at each sweep.
    #[must_use]
    pub fn source(&self) -> Source {
        if self.rows.is_some() { Source::Ebpf } else { Source::TcpInfo }
    }

    /// The probe that sees sends; `None` = writes after the last ack are only seen by polling.
    #[must_use]
    pub fn probe(&self) -> Option<Probe> {
        self.probe
    }

    /// Why this source and this probe were chosen, as one sentence for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// A leg for the socket with this cookie, with a kernel row if one is free.
    #[must_use]
    pub fn watch(&self, cookie: u64) -> ForeignLeg {
        let lent = self.rows.as_ref().and_then(|rows| {
            let place = rows.places().take()?;
            if let Err(error) = rows.kernel.enter(cookie, place) {
                tracing::debug!(error = sentence(&error), cookie, "a socket has no kernel row");
                rows.places().give_back(place);
                return None;
            }
            Some((Arc::clone(rows), place))
        });
        ForeignLeg { cookie, lent, asked: Account::default(), asked_ns: 0, grown_ns: 0 }
    }

    /// The announcements of new connections, once; `None` without kernel programs. Needs a tokio runtime with
    /// its I/O driver.
    ///
    /// # Errors
    /// A ring buffer that cannot be polled.
    pub fn arrivals(&mut self) -> io::Result<Option<Arrivals>> {
        let Some(ring) = self.arrivals.take() else { return Ok(None) };
        // SAFETY: the ring buffer owns its descriptor and returns the same one as long as it lives, and the
        // `AsyncFd` owns the ring buffer.
        let ring = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
        Ok(Some(Arrivals(ring?)))
    }

    /// How often the probe ran and for how long, while `kernel.bpf_stats_enabled` is 1.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn probe_cost(&self) -> io::Result<Option<(u64, std::time::Duration)>> {
        let (Some(rows), Some(probe)) = (&self.rows, self.probe) else { return Ok(None) };
        let ebpf = rows.kernel.ebpf();
        let Some(program) = ebpf.program(probe.name()) else { return Ok(None) };
        let info = program.info().map_err(io::Error::other)?;
        Ok(Some((info.run_count(), info.run_time())))
    }
}

impl std::fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrivals").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ForeignSockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForeignSockets").field("reason", &self.reason).finish_non_exhaustive()
    }
}

fn load(options: &Options, ports: &[u16], wanted: &[Probe]) -> Result<ForeignSockets, LoadError> {
    let places = probe::Places::find();
    let count = u32::try_from(ports.len()).unwrap_or(u32::MAX).max(1);
    let others = Others { ports: count, places: places.clone().unwrap_or_default() };
    let mut object = Object::create(options.max_legs, Some(others))?;
    object.load()?;
    fill(&mut object, ports)?;
    let ring = object.ebpf.take_map(ARRIVALS).ok_or(LoadError::Missing(ARRIVALS))?;
    let ring = RingBuf::try_from(ring).map_err(LoadError::Kind)?;
    let (probe, refused) = match places {
        Ok(_) => probe::attach_first(&mut object.ebpf, wanted),
        Err(error) => (None, vec![error]),
    };
    // The last step: from here on, connections are announced.
    let cgroup = object.attach(options.cgroup.as_deref())?;
    let reason = reason(&cgroup, probe, &refused);
    let kernel = Kernel::new(object, options.max_legs)?;
    let places = Mutex::new(Places::new(0..options.max_legs));
    let rows = Some(Arc::new(Rows { kernel, places }));
    Ok(ForeignSockets { rows, arrivals: Some(ring), probe, reason })
}

fn fill(object: &mut Object, ports: &[u16]) -> Result<(), LoadError> {
    let map = object.ebpf.map_mut(PORTS).ok_or(LoadError::Missing(PORTS))?;
    let mut map: HashMap<_, u32, u8> = HashMap::try_from(map).map_err(LoadError::Kind)?;
    for port in ports {
        map.insert(u32::from(*port), 1, 0).map_err(LoadError::Kind)?;
    }
    Ok(())
}

fn reason(cgroup: &Path, probe: Option<Probe>, refused: &[String]) -> String {
    let mut reason = format!("the kernel program is attached to {}", cgroup.display());
    match probe {
        Some(probe) => reason.push_str(&format!("; sends are seen by {}", probe.name())),
        None => reason.push_str(
            "; no probe sees sends, so sockets with a closed window are queried at each sweep",
        ),
    }
    if !refused.is_empty() {
        reason.push_str(&format!(" ({})", refused.join("; ")));
    }
    reason
}

/// One socket of another process: its row, and the last answer about it from the socket list.
pub struct ForeignLeg {
    cookie: u64,
    lent: Option<(Arc<Rows>, u32)>,
    asked: Account,
    /// When it was last queried; 0 = never.
    asked_ns: u64,
    /// When an answer first had more acknowledged bytes than known before.
    grown_ns: u64,
}

impl ForeignLeg {
    /// Takes in an answer from the kernel's socket list as of `now`.
    pub(crate) fn learn(&mut self, entry: &Entry, now: Nanos) {
        let known = self.row().bytes_acked.max(self.asked.acked);
        if self.asked_ns != 0 && entry.account.acked > known {
            self.grown_ns = now.0;
        }
        self.asked = entry.account;
        self.asked_ns = now.0;
    }

    /// Whether it has ever been queried. If not, what it did before its announcement is unknown.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.asked_ns != 0
    }

    /// Whether it has a kernel row: the table may be full or not exist.
    #[must_use]
    pub fn has_row(&self) -> bool {
        self.lent.is_some()
    }

    /// Whether the kernel's callbacks have written its row. Probes alone do not count.
    #[must_use]
    pub fn has_callbacks(&self) -> bool {
        self.row().state != 0
    }

    /// Who writes this leg's values.
    #[must_use]
    pub fn source(&self) -> Source {
        if self.has_callbacks() { Source::Ebpf } else { Source::TcpInfo }
    }

    /// The leg according to its row and the last answer, whichever is newer for each value. No system call.
    #[must_use]
    pub fn sample(&self) -> Sample {
        let (row, asked) = (self.row(), &self.asked);
        let row_is_newer = row.event_ns > self.asked_ns;
        let (queued, window) =
            if row_is_newer { (row.queued, row.snd_wnd) } else { (asked.queued, asked.window) };
        // A probe only writes the two above.
        let (state, rtt_us, timeouts) = if row.state != 0 && row_is_newer {
            (row.state, row.srtt_us, row.timeouts)
        } else {
            (asked.state, asked.srtt_us, asked.timeouts)
        };
        let (acked, progress) = if row.bytes_acked > asked.acked {
            (row.bytes_acked, row.progress_ns)
        } else {
            (asked.acked, self.grown_ns.max(row.progress_ns))
        };
        Sample {
            state: tcp_state(state),
            acked,
            received: row.bytes_received.max(asked.received),
            queued: u64::from(queued),
            progress: Nanos(progress),
            window,
            rtt_us,
            retransmits: row.retransmits.max(asked.retransmits),
            timeouts,
        }
    }

    fn row(&self) -> Row {
        let row = self.lent.as_ref().and_then(|(rows, place)| rows.kernel.row(*place as usize));
        row.map(AtomicRow::load).filter(|row| row.cookie == self.cookie).unwrap_or_default()
    }
}

impl Drop for ForeignLeg {
    fn drop(&mut self) {
        if let Some((rows, place)) = &self.lent {
            rows.kernel.leave(self.cookie);
            rows.places().give_back(*place);
        }
    }
}

impl std::fmt::Debug for ForeignLeg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForeignLeg").field("cookie", &self.cookie).finish_non_exhaustive()
    }
}
