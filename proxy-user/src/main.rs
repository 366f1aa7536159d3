//! The `ebbtide` binary.

use std::process::ExitCode;

use tikv_jemalloc_ctl::background_thread;
use tikv_jemallocator::Jemalloc;

/// Sessions come and go by the thousand. Each has a few blocks of odd sizes, some of which need the
/// alignment of two cache lines. glibc's allocator spends 0.7 KiB more on each, and keeps the memory when
/// they are gone: one block in use holds a heap of free ones.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Memory that was not used for a second goes back to the kernel. No thread caches large blocks, which only
/// compression histories and buffers are, and none gets a page more than it asked for. jemalloc reads the
/// variable of this name at its start (see its `TUNING.md`).
// SAFETY: the name is defined nowhere else, and it points to the C string that jemalloc expects: a thin
// pointer to static bytes that end with a zero.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static ALLOCATOR_CONF: &[u8; 75] =
    b"dirty_decay_ms:1000,muzzy_decay_ms:0,tcache_max:8192,cache_oblivious:false\0";

/// Has memory returned even while nothing is allocated. This starts a thread, so it must follow the
/// dropping of privileges, which is per thread.
fn settled() {
    if let Err(error) = background_thread::write(true) {
        tracing::warn!(%error, "memory goes back to the kernel only while some is asked for");
    }
}

fn main() -> ExitCode {
    ebbtide::cli::main(settled)
}
