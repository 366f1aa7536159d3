//! Fields of the kernel's `struct tcp_sock` that a sockops context does not show.
//!
//! Their places differ between kernels, so the loader reads them from the running kernel's BTF and
//! leaves them in read-only globals. A global of 0 removes the look-up: the verifier knows the value
//! and never walks the branch, so that a kernel without BTF, which refuses the helper, still loads it.

use aya_ebpf::{Global, bindings::bpf_sock_ops, helpers::bpf_skc_to_tcp_sock};

/// Byte offset of `tcp_sock.write_seq`; 0 = not known. The loader sets it.
#[unsafe(no_mangle)]
pub(crate) static WRITE_SEQ_OFFSET: Global<u32> = Global::new(0);
/// Byte offset of `tcp_sock.snd_wnd`; 0 = not known. The loader sets it.
#[unsafe(no_mangle)]
pub(crate) static SND_WND_OFFSET: Global<u32> = Global::new(0);

/// What a row takes from `struct tcp_sock`.
pub(crate) struct Socket {
    /// As `Row::queued`.
    pub(crate) queued: u32,
    /// As `Row::snd_wnd`.
    pub(crate) window: u32,
}

/// Reads the send side of the callback's socket.
#[inline(always)]
pub(crate) fn read(ops: &bpf_sock_ops) -> Socket {
    let mut socket = Socket { queued: ops.snd_nxt.wrapping_sub(ops.snd_una), window: u32::MAX };
    let (write_seq, snd_wnd) = (WRITE_SEQ_OFFSET.load(), SND_WND_OFFSET.load());
    if write_seq == 0 || snd_wnd == 0 {
        return socket;
    }
    // SAFETY: `sk` is a pointer in this union for every socket callback.
    let sk = unsafe { ops.__bindgen_anon_2.sk };
    if sk.is_null() {
        return socket;
    }
    // Arithmetic on `ctx->sk` itself is refused ("R1 pointer arithmetic on sock prohibited"); the
    // helper's result is a BTF pointer whose members may be read at constant offsets.
    // SAFETY: `sk` was checked for null, as the helper wants.
    let tcp = unsafe { bpf_skc_to_tcp_sock(sk.cast()) }.cast::<u8>();
    if tcp.is_null() {
        return socket;
    }
    // SAFETY: the offsets are of 4-byte members of this very structure; the verifier checks them
    // against the kernel's BTF.
    unsafe {
        let write_seq = tcp.add(write_seq as usize).cast::<u32>().read_volatile();
        socket.queued = write_seq.wrapping_sub(ops.snd_una);
        socket.window = tcp.add(snd_wnd as usize).cast::<u32>().read_volatile();
    }
    socket
}
