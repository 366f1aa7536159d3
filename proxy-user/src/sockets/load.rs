//! Loads the kernel programs and attaches them to a cgroup.
//!
//! Everything loaded belongs to this process: maps, programs and the link exist through its descriptors, and
//! the kernel removes them when the process ends, however it ends. Nothing is pinned.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    programs::{ProgramError, SockOps},
    util::KernelVersion,
};

use super::{btf, cgroup, link, probe::Places};

/// The committed object (`cargo xtask build-ebpf`), aligned as the ELF reader requires.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../proxy-ebpf/object/ebbtide.bpf.o");

/// The sockops program's name in the object.
pub(crate) const PROGRAM: &str = "watch_legs";
/// Its kind, as `bpftool` calls it.
pub(crate) const KIND: &str = "sock_ops";
/// The table of rows in the object.
pub(crate) const ROWS: &str = "ROWS";
/// The table of registered legs in the object.
pub(crate) const LEGS: &str = "LEGS";
/// The ports whose new connections are announced, in the object.
pub(super) const PORTS: &str = "PORTS";
/// The ring buffer that announces them, in the object.
pub(super) const ARRIVALS: &str = "ARRIVALS";
/// Size of that ring buffer: 4,096 connections (16 bytes each) between two reads.
const ARRIVALS_BYTES: u32 = 64 * 1024;
/// The kernel's description of its own types.
pub(crate) const VMLINUX_BTF: &str = "/sys/kernel/btf/vmlinux";
/// Ring buffers (for the programs' log) and cgroup links need this version.
const OLDEST: KernelVersion = KernelVersion::new(5, 8, 0);
/// From this version on, maps are charged to the memory cgroup instead of RLIMIT_MEMLOCK.
const WITHOUT_MEMLOCK: KernelVersion = KernelVersion::new(5, 11, 0);

/// Why the kernel writer is not available.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The kernel is older than 5.8, the first with ring buffers and with links that end with the process.
    #[error("the kernel is older than 5.8")]
    KernelTooOld,
    /// The cgroup to attach to is unknown.
    #[error("no cgroup to attach to")]
    Cgroup(#[source] cgroup::Error),
    /// The cgroup's directory cannot be opened.
    #[error("cannot open the cgroup {path}")]
    OpenCgroup {
        /// The directory.
        path: PathBuf,
        /// The kernel's error.
        source: io::Error,
    },
    /// The kernel refused the maps, or the object is invalid.
    #[error("the kernel refused the maps")]
    Maps(#[source] EbpfError),
    /// The object lacks a part that this build expects.
    #[error("the embedded object has no {0}")]
    Missing(&'static str),
    /// The kernel refused the program.
    #[error("the kernel refused the program {PROGRAM}")]
    Program(#[source] ProgramError),
    /// The cgroup refused the program.
    #[error("cannot attach to the cgroup {path}")]
    Attach {
        /// The directory.
        path: PathBuf,
        /// The kernel's error.
        source: io::Error,
    },
    /// The rows cannot be mapped into the process.
    #[error("cannot map the table of rows")]
    Mapping(#[source] io::Error),
    /// A map of the object is not of the expected kind.
    #[error("the embedded object's maps are of the wrong kind")]
    Kind(#[source] aya::maps::MapError),
}

/// What is needed to watch the sockets of other processes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Others {
    /// How many ports are watched; at least 1.
    pub(super) ports: u32,
    /// Kernel offsets, for the probes.
    pub(super) places: Places,
}

/// The object in the kernel.
pub(super) struct Object {
    pub(super) ebpf: Ebpf,
    /// Why rows lack the send window and the unsent bytes; `None` = they have both.
    pub(super) without_btf: Option<String>,
    /// Keeps the program attached to the cgroup; `None` = not attached yet.
    pub(super) link: Option<OwnedFd>,
}

impl Object {
    /// Creates the maps, with `max_legs` entries each, and prepares the program for this kernel: for this
    /// process's own sockets, or for those of others.
    ///
    /// # Errors
    /// [`LoadError::KernelTooOld`], [`LoadError::Maps`].
    pub(super) fn create(max_legs: u32, others: Option<Others>) -> Result<Object, LoadError> {
        // If the version cannot be determined, try: the load will report what is missing.
        let older = |than| KernelVersion::current().is_ok_and(|version| version < than);
        if older(OLDEST) {
            return Err(LoadError::KernelTooOld);
        }
        if older(WITHOUT_MEMLOCK) {
            raise_memlock();
        }
        let (offsets, without_btf) = match member_offsets() {
            Ok(offsets) => (offsets, None),
            Err(reason) => ([0, 0], Some(reason)),
        };
        // The verifier removes the programs' log statements below the process's own level.
        let level = log::max_level() as u8;
        let mut loader = EbpfLoader::new();
        if let Some(others) = &others {
            loader
                .map_max_entries(PORTS, others.ports)
                .map_max_entries(ARRIVALS, ARRIVALS_BYTES)
                .override_global("OBSERVE", &1u32, true);
            others.places.set(&mut loader);
        }
        let ebpf = loader
            .map_max_entries(ROWS, max_legs)
            .map_max_entries(LEGS, max_legs)
            .override_global("WRITE_SEQ_OFFSET", &offsets[0], true)
            .override_global("SND_WND_OFFSET", &offsets[1], true)
            .override_global(aya_log::LEVEL, &level, true)
            .load(OBJECT)
            .map_err(LoadError::Maps)?;
        Ok(Object { ebpf, without_btf, link: None })
    }

    /// Loads the program.
    ///
    /// # Errors
    /// [`LoadError::Program`] with the verifier's log.
    pub(super) fn load(&mut self) -> Result<(), LoadError> {
        self.program()?.load().map_err(LoadError::Program)
    }

    /// Attaches the loaded program to `cgroup`, or to this process's own. Returns where it is attached.
    ///
    /// # Errors
    /// [`LoadError::Cgroup`], [`LoadError::OpenCgroup`], [`LoadError::Attach`].
    pub(super) fn attach(&mut self, cgroup: Option<&Path>) -> Result<PathBuf, LoadError> {
        let path = match cgroup {
            Some(path) => path.to_path_buf(),
            None => cgroup::own().map_err(LoadError::Cgroup)?,
        };
        let folder = File::open(&path)
            .map_err(|source| LoadError::OpenCgroup { path: path.clone(), source })?;
        let program = self.program()?.fd().map_err(LoadError::Program)?.as_fd();
        let link = link::attach_sock_ops(program, folder.as_fd())
            .map_err(|source| LoadError::Attach { path: path.clone(), source })?;
        self.link = Some(link);
        Ok(path)
    }

    fn program(&mut self) -> Result<&mut SockOps, LoadError> {
        let program = self.ebpf.program_mut(PROGRAM).ok_or(LoadError::Missing(PROGRAM))?;
        program.try_into().map_err(LoadError::Program)
    }
}

/// The offsets of `write_seq` and `snd_wnd` in the running kernel's `struct tcp_sock`.
pub(crate) fn member_offsets() -> Result<[u32; 2], String> {
    let bytes = std::fs::read(VMLINUX_BTF).map_err(|error| format!("{VMLINUX_BTF}: {error}"))?;
    btf::offsets(&bytes, "tcp_sock", ["write_seq", "snd_wnd"])
        .map_err(|error| format!("{VMLINUX_BTF}: {error}"))
}

/// Before Linux 5.11 maps are charged to RLIMIT_MEMLOCK, whose default of 64 KiB they exceed. If the process
/// may not raise it, the load will fail and say so.
fn raise_memlock() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the call reads one live structure.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}

/// An error and its causes as one line of at most a few hundred characters.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    const HALF: usize = 250;
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // The text of some types already includes their source.
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // aya's words if the verifier has logged nothing.
    let line = line.strip_suffix(". Verifier output:").unwrap_or(&line);
    // The end of a verifier's log says what is wrong.
    let head = line.char_indices().nth(HALF).map(|(at, _)| at);
    let tail = line.char_indices().rev().nth(HALF).map(|(at, _)| at);
    match (head, tail) {
        (Some(head), Some(tail)) if head < tail => format!("{} … {}", &line[..head], &line[tail..]),
        _ => line.to_owned(),
    }
}
