//! The kernel writer: a `sockops` program that keeps one row per registered leg, and the probes that
//! see the sends of other processes.
//!
//! It must not decide anything (the process does), must not write a row that belongs to another
//! socket, and must leave every socket of the cgroup that is not registered as it found it: its only
//! trace there is the request for callbacks.
#![no_std]
#![no_main]

mod maps;
mod row;
mod send;
mod tcp;

use aya_ebpf::{
    EbpfContext, Global, helpers::bpf_get_socket_cookie, macros::sock_ops, programs::SockOpsContext,
};
use aya_log_ebpf::debug;

/// `enum` of `BPF_SOCK_OPS_*` in `include/uapi/linux/bpf.h`.
mod op {
    pub(crate) const ACTIVE_ESTABLISHED: u32 = 4;
    pub(crate) const PASSIVE_ESTABLISHED: u32 = 5;
    pub(crate) const RTO: u32 = 8;
    pub(crate) const RETRANS: u32 = 9;
    pub(crate) const STATE: u32 = 10;
    pub(crate) const RTT: u32 = 12;
}

/// `BPF_SOCK_OPS_{RTO,RETRANS,STATE,RTT}_CB_FLAG`.
const CALLBACKS: u32 = 1 | 1 << 1 | 1 << 2 | 1 << 3;

/// 1 = the sockets are other processes': only connections that were accepted on one of `PORTS` are
/// followed, and each is announced. 0 = the process's own, which it registers by itself. The loader
/// sets it; the verifier removes the other branch.
#[unsafe(no_mangle)]
static OBSERVE: Global<u32> = Global::new(0);

/// Runs on every TCP event of the cgroup's sockets. 1 lets the kernel go on; the reply is left alone,
/// which for the questions among the events (initial RTO, window, ECN) means the kernel's default.
#[sock_ops]
pub fn watch_legs(ctx: SockOpsContext) -> u32 {
    match ctx.op() {
        op @ (op::ACTIVE_ESTABLISHED | op::PASSIVE_ESTABLISHED) => {
            let observe = OBSERVE.load() != 0;
            if observe && !(op == op::PASSIVE_ESTABLISHED && maps::is_watched(ctx.local_port())) {
                return 1;
            }
            // Added to the flags that another program may have set. A refusal (the socket is already
            // gone) leaves a row unwritten, which the process sees.
            let _ = ctx.set_cb_flags((ctx.cb_flags() | CALLBACKS).cast_signed());
            if observe {
                // SAFETY: as in `update`.
                maps::announce(unsafe { bpf_get_socket_cookie(ctx.as_ptr()) });
            }
        }
        op @ (op::RTO | op::RETRANS | op::STATE | op::RTT) => update(&ctx, op),
        _ => {}
    }
    1
}

#[inline(always)]
fn update(ctx: &SockOpsContext, op: u32) {
    // SAFETY: the helper takes a sockops context and cannot fail on a full socket, which all four
    // callbacks have (`tcp_call_bpf` in `include/net/tcp.h`).
    let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    let Some(row) = maps::row_of(cookie) else { return };
    // SAFETY: `row_of` returned a live element of ROWS; callbacks of one socket run under its lock,
    // so this is the only writer of this row.
    unsafe { row::write(row, ctx, op) };

    match op {
        op::STATE => {
            let (from, to) = (ctx.arg(0), ctx.arg(1));
            debug!(ctx, "leg {}: TCP state {} -> {}", cookie, from, to);
        }
        op::RTO => {
            let (count, rto) = (ctx.arg(0) + 1, ctx.arg(1));
            debug!(ctx, "leg {}: retransmission timeout {} (rto {} jiffies)", cookie, count, rto);
        }
        _ => {}
    }
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses loops without an end: a panic that survives to here fails the load.
    loop {}
}

/// The kernel offers most helpers only to programs under a GPL-compatible licence.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
