//! The send side of sockets that other processes own: one probe where bytes are handed to TCP.
//!
//! No callback follows a write, so without a probe a row whose last ack emptied the queue would go on
//! saying that nothing waits. The loader takes one of the three programs, the first that the kernel
//! lets it load and attach; for sockets of its own a process takes none.
//!
//! Nothing here may read more of a socket that is not registered than its cookie.

use aya_ebpf::{
    EbpfContext, Global,
    helpers::bpf_probe_read_kernel,
    macros::{fentry, kprobe, raw_tracepoint},
    programs::{FEntryContext, ProbeContext, RawTracePointContext},
};

use crate::{maps, row, tcp};

/// Byte offset of `sock_common.skc_cookie`, the start of every socket; 0 = not known. The loader
/// sets it.
#[unsafe(no_mangle)]
static COOKIE_OFFSET: Global<u32> = Global::new(0);
/// Byte offset of `tcp_sock.snd_una`; 0 = not known. The loader sets it.
#[unsafe(no_mangle)]
static SND_UNA_OFFSET: Global<u32> = Global::new(0);
/// Byte offset of a function's first argument in this machine's `struct pt_regs`. The loader sets it:
/// the object is the same for every architecture.
#[unsafe(no_mangle)]
static FIRST_ARGUMENT: Global<u32> = Global::new(0);
/// The same for the third argument.
#[unsafe(no_mangle)]
static THIRD_ARGUMENT: Global<u32> = Global::new(0);

/// `tcp_sendmsg(sk, msg, size)` is entered, through the kernel's trampoline.
#[fentry(function = "tcp_sendmsg")]
pub fn send_fentry(ctx: FEntryContext) -> i32 {
    written(ctx.arg(0), ctx.arg(2));
    0
}

/// `tcp_sendmsg(sk, msg, size)` is entered, through a breakpoint or ftrace.
#[kprobe(function = "tcp_sendmsg")]
pub fn send_kprobe(ctx: ProbeContext) -> u32 {
    let registers = ctx.as_ptr().cast::<u8>().cast_const();
    let sk = read::<u64>(registers, FIRST_ARGUMENT.load());
    let size = read::<u64>(registers, THIRD_ARGUMENT.load());
    if let (Some(sk), Some(size)) = (sk, size) {
        written(sk as *const u8, size);
    }
    0
}

/// `sock_send_length(sk, ret, flags)`: a send on any socket of the machine has returned. One that
/// blocks is not seen before it ends.
#[raw_tracepoint(tracepoint = "sock_send_length")]
pub fn send_returned(ctx: RawTracePointContext) -> i32 {
    written(ctx.arg(0), 0);
    0
}

/// Brings a registered socket's row up to date. `coming`: bytes that this send asks for and the
/// socket does not hold yet.
#[inline(always)]
fn written(sk: *const u8, coming: u64) {
    // A cookie is unique over all kinds of sockets: one that is registered is a TCP socket's.
    let Some(cookie @ 1..) = read::<u64>(sk, COOKIE_OFFSET.load()) else { return };
    let Some(row) = maps::row_of(cookie) else { return };
    let write_seq = read::<u32>(sk, tcp::WRITE_SEQ_OFFSET.load());
    let snd_una = read::<u32>(sk, SND_UNA_OFFSET.load());
    let window = read::<u32>(sk, tcp::SND_WND_OFFSET.load());
    let (Some(write_seq), Some(snd_una), Some(window)) = (write_seq, snd_una, window) else {
        return;
    };
    let held = u64::from(write_seq.wrapping_sub(snd_una));
    let queued = held.saturating_add(coming).min(u64::from(u32::MAX));
    // SAFETY: `row_of` returned a live element of ROWS. A callback of the same socket may write it at
    // the same time, as this program runs before the socket is locked: whichever store comes last
    // stays, and each is a figure of this very moment.
    unsafe { row::write_sent(row, queued as u32, window) };
}

/// Reads a value at an offset that the loader found in this kernel's own description of its types.
/// It loads none of these programs where it did not find one.
#[inline(always)]
fn read<T>(base: *const u8, offset: u32) -> Option<T> {
    // SAFETY: the helper checks the address itself and fails where nothing is mapped.
    unsafe { bpf_probe_read_kernel(base.wrapping_add(offset as usize).cast::<T>()) }.ok()
}
