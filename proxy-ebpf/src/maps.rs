//! The tables shared with the process. Their names are what the loader looks for.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, RingBuf},
};
use proxy_common::Row;

/// `BPF_F_NO_PREALLOC`: memory per registered leg, not per possible leg. It also makes an entry that
/// a running program still holds stay what it was until that program ends (RCU), where a preallocated
/// one could be handed to another key at once.
const NO_PREALLOC: u32 = 1;
/// `BPF_F_MMAPABLE`: the process reads the rows as memory.
const MMAPABLE: u32 = 1 << 10;

/// One row per leg. The loader overrides the number of entries.
#[map]
static ROWS: Array<Row> = Array::with_max_entries(1, MMAPABLE);

/// Socket cookie to index in [`ROWS`]. The loader overrides the number of entries.
#[map]
static LEGS: HashMap<u64, u32> = HashMap::with_max_entries(1, NO_PREALLOC);

/// Local ports whose new connections are announced. Empty and of one entry but for an observer.
#[map]
static PORTS: HashMap<u32, u8> = HashMap::with_max_entries(1, NO_PREALLOC);

/// Cookies of new connections on these ports. The loader overrides the size; the kernel wants at
/// least a page.
#[map]
static ARRIVALS: RingBuf = RingBuf::with_byte_size(4096, 0);

/// Whether connections on this local port are announced.
#[inline(always)]
pub(crate) fn is_watched(port: u32) -> bool {
    // SAFETY: nothing of the value is used, and the process writes the map before it attaches.
    unsafe { PORTS.get(port) }.is_some()
}

/// Tells the process of a new connection. Where the buffer is full it is not told, and finds the
/// socket when it next lists them.
#[inline(always)]
pub(crate) fn announce(cookie: u64) {
    let _ = ARRIVALS.output::<u64>(cookie, 0);
}

/// The row of the socket with this cookie, if it is registered.
#[inline(always)]
pub(crate) fn row_of(cookie: u64) -> Option<*mut Row> {
    // SAFETY: the value is copied out at once; with NO_PREALLOC a concurrently deleted element is
    // not reused before this program ends.
    let index = unsafe { LEGS.get(cookie) }.copied()?;
    let row = ROWS.get_ptr_mut(index)?;
    // SAFETY: `row` points at a live, aligned element; array elements are never freed.
    let owner = unsafe { (&raw const (*row).cookie).read_volatile() };
    // The process may have re-lent the row between the two look-ups.
    (owner == cookie).then_some(row)
}
