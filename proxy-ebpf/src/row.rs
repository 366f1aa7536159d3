//! What one callback writes into a row. Plain stores only: the process reads each field atomically
//! and is promised nothing about two of them together, except the order that is noted here.

use aya_ebpf::{helpers::bpf_ktime_get_ns, programs::SockOpsContext};
use proxy_common::Row;

use crate::{op, tcp};

/// Stores one field. Volatile: exactly one aligned store, so that the mapped reader never sees half a
/// value and the compiler leaves the order alone.
macro_rules! store {
    ($row:expr, $field:ident, $value:expr) => {
        // SAFETY: the callers of this file's functions promise a live row.
        unsafe { (&raw mut (*$row).$field).write_volatile($value) }
    };
}

/// Writes what the kernel knows of the socket at this callback.
///
/// # Safety
/// `row` must be a live element of `ROWS` that no other callback writes at the same time.
#[inline(always)]
pub(crate) unsafe fn write(row: *mut Row, ctx: &SockOpsContext, callback: u32) {
    // SAFETY: the kernel hands a valid context to the program for as long as it runs.
    let ops = unsafe { &*ctx.ops };
    // SAFETY: the helper has no preconditions. It reads CLOCK_MONOTONIC.
    let now = unsafe { bpf_ktime_get_ns() };

    // The queue before `bytes_acked`: a reader that loads them the other way round never adds an old
    // queue to a new count, so their sum is never more than was written.
    let socket = tcp::read(ops);
    store!(row, queued, socket.queued);
    store!(row, snd_wnd, socket.window);
    // `tcp_sock.srtt_us` is kept times eight (RFC 6298's alpha).
    store!(row, srtt_us, ops.srtt_us >> 3);
    store!(row, retransmits, ops.total_retrans);
    store!(row, bytes_received, ops.bytes_received);

    let acked = ops.bytes_acked;
    // SAFETY: see the caller's promise.
    if acked > unsafe { (&raw const (*row).bytes_acked).read_volatile() } {
        store!(row, progress_ns, now);
        store!(row, timeouts, 0);
        store!(row, bytes_acked, acked);
    }
    if callback == op::RTO {
        // `tcp_write_timeout` calls back before it counts this one; `tcp_ack` resets the count when
        // `snd_una` advances.
        store!(row, timeouts, ctx.arg(0) + 1);
    }
    // `tcp_set_state` calls back before the socket itself changes.
    let state = if callback == op::STATE { ctx.arg(1) } else { ops.state };
    store!(row, state, state);
    store!(row, event_ns, now);
}

/// Writes what is known of the socket when bytes are handed to it. Everything else in the row is of
/// its last callback.
///
/// # Safety
/// `row` must be a live element of `ROWS`.
#[inline(always)]
pub(crate) unsafe fn write_sent(row: *mut Row, queued: u32, window: u32) {
    // SAFETY: the helper has no preconditions. It reads CLOCK_MONOTONIC.
    let now = unsafe { bpf_ktime_get_ns() };
    store!(row, queued, queued);
    store!(row, snd_wnd, window);
    store!(row, event_ns, now);
}
