//! The probe on the send path: which of the three in the object this kernel accepts.
//!
//! Each is optional. If the kernel refuses one, the reason is reported and everything else goes on.

use aya::{
    Btf, Ebpf, EbpfLoader,
    programs::{FEntry, KProbe, Program, ProgramError, RawTracePoint},
};

use super::{
    btf,
    load::{LoadError, VMLINUX_BTF, sentence},
};

/// Where sends on other processes' sockets are observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// On entry to `tcp_sendmsg`, through the kernel's trampoline (Linux 5.5, if `tracing` programs are
    /// allowed).
    Fentry,
    /// In the same place, if kprobes are compiled in.
    Kprobe,
    /// When a send on any socket returns (Linux 6.3); one that blocks is seen when it ends.
    SendReturned,
}

impl Probe {
    /// All of them, in order of preference.
    pub const ALL: [Probe; 3] = [Probe::Fentry, Probe::Kprobe, Probe::SendReturned];

    /// Its name in the object.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Probe::Fentry => "send_fentry",
            Probe::Kprobe => "send_kprobe",
            Probe::SendReturned => "send_returned",
        }
    }

    /// Its kind, as `bpftool` calls it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Probe::Fentry => "tracing",
            Probe::Kprobe => "kprobe",
            Probe::SendReturned => "raw_tracepoint",
        }
    }
}

/// The function that both entry probes are attached to.
const FUNCTION: &str = "tcp_sendmsg";
const TRACEPOINT: &str = "sock_send_length";

/// Offsets in this kernel's structures. All zero = unknown; no probe can be loaded then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    cookie: u32,
    snd_una: u32,
    first_argument: u32,
    third_argument: u32,
}

impl Places {
    /// Reads them from the running kernel's BTF.
    pub(super) fn find() -> Result<Places, String> {
        let at = |error: &dyn std::fmt::Display| format!("{VMLINUX_BTF}: {error}");
        let bytes = std::fs::read(VMLINUX_BTF).map_err(|error| at(&error))?;
        let [cookie] =
            btf::offsets(&bytes, "sock_common", ["skc_cookie"]).map_err(|error| at(&error))?;
        let [snd_una] =
            btf::offsets(&bytes, "tcp_sock", ["snd_una"]).map_err(|error| at(&error))?;
        // In `struct pt_regs`: rdi and rdx, x0 and x2. There is no kprobe on other architectures.
        let (first_argument, third_argument) =
            if cfg!(target_arch = "x86_64") { (14 * 8, 12 * 8) } else { (0, 2 * 8) };
        Ok(Places { cookie, snd_una, first_argument, third_argument })
    }

    /// Sets the object's globals.
    pub(super) fn set<'a>(&'a self, loader: &mut EbpfLoader<'a>) {
        loader
            .override_global("COOKIE_OFFSET", &self.cookie, true)
            .override_global("SND_UNA_OFFSET", &self.snd_una, true)
            .override_global("FIRST_ARGUMENT", &self.first_argument, true)
            .override_global("THIRD_ARGUMENT", &self.third_argument, true);
    }
}

/// Loads and attaches one probe. If it is refused, nothing of it stays in the kernel.
///
/// # Errors
/// The kernel's error.
pub(super) fn attach(ebpf: &mut Ebpf, probe: Probe) -> Result<(), String> {
    let known = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    if probe == Probe::Kprobe && !known {
        return Err("the registers of this architecture are not known".to_owned());
    }
    let missing = || sentence(&LoadError::Missing(probe.name()));
    let program = ebpf.program_mut(probe.name()).ok_or_else(missing)?;
    let tried = match probe {
        Probe::Fentry => {
            let btf = Btf::from_sys_fs().map_err(|error| sentence(&error))?;
            fentry(program, &btf)
        }
        Probe::Kprobe => kprobe(program),
        Probe::SendReturned => raw_tracepoint(program),
    };
    tried.map_err(|error| sentence(&error))
}

fn fentry(program: &mut Program, btf: &Btf) -> Result<(), ProgramError> {
    let program: &mut FEntry = program.try_into()?;
    program.load(FUNCTION, btf)?;
    program.attach().map(drop).inspect_err(|_| drop(program.unload()))
}

fn kprobe(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut KProbe = program.try_into()?;
    program.load()?;
    program.attach(FUNCTION, 0).map(drop).inspect_err(|_| drop(program.unload()))
}

fn raw_tracepoint(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut RawTracePoint = program.try_into()?;
    program.load()?;
    program.attach(TRACEPOINT).map(drop).inspect_err(|_| drop(program.unload()))
}

/// Attaches the first of `wanted` that this kernel accepts. Also returns a line for each that it refused.
pub(super) fn attach_first(ebpf: &mut Ebpf, wanted: &[Probe]) -> (Option<Probe>, Vec<String>) {
    let mut refused = Vec::new();
    for probe in wanted {
        match attach(ebpf, *probe) {
            Ok(()) => return (Some(*probe), refused),
            Err(error) => refused.push(format!("{}: {error}", probe.name())),
        }
    }
    (None, refused)
}
