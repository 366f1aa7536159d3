//! The `ebbtide` binary.

use std::process::ExitCode;

use tikv_jemalloc_ctl::background_thread;
use tikv_jemallocator::Jemalloc;

/// Sessions come and go by the thousand, each in a few blocks of odd sizes, of which some need the
/// alignment of two cache lines. glibc's allocator spends 0.7 KiB more on each, and keeps the memory when
/// they are gone: one block in use holds a heap of free ones.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Memory that was not used for a second goes back to the kernel. No thread keeps large blocks for itself,
/// which only histories of compression and buffers are, and none gets a page more than it asked for.
/// jemalloc reads the variable of this name (`TUNING.md` there) as it starts.
// SAFETY: the name is defined nowhere else, and what it points at is the C string that jemalloc takes it
// for: a thin pointer to bytes that end with a zero and live for ever.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static ALLOCATOR_CONF: &[u8; 75] =
    b"dirty_decay_ms:1000,muzzy_decay_ms:0,tcache_max:8192,cache_oblivious:false\0";

/// Memory goes back also when nothing is allocated that could occasion it. A thread does that, so it is
/// started when the process has given up its privileges: those are each thread's own.
fn settled() {
    if let Err(error) = background_thread::write(true) {
        tracing::warn!(%error, "memory goes back to the kernel only while some is asked for");
    }
}

fn main() -> ExitCode {
    ebbtide::cli::main(settled)
}
