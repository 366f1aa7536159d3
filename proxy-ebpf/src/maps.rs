//! The tables shared with the process. Their names are what the loader looks for.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap},
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
