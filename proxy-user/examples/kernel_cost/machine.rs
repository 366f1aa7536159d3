//! On what it was measured: kernel and processor, nothing that names the machine.

use std::fs;

/// One line of Markdown.
pub(crate) fn describe() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = processors.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or("?", |(_, value)| value.trim())
    };
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let virtual_machine = if field("flags").split(' ').any(|flag| flag == "hypervisor") {
        ", virtual machine"
    } else {
        ""
    };
    format!(
        "Linux {}, {} × {}{virtual_machine}, level 2 cache {} each, level 3 cache {}.\n",
        kernel.trim(),
        count,
        field("model name"),
        cache(2),
        cache(3),
    )
}

/// The size of the first processor's cache of this level.
fn cache(level: u32) -> String {
    let folder = "/sys/devices/system/cpu/cpu0/cache";
    let read = |index: u32, name: &str| {
        let text = fs::read_to_string(format!("{folder}/index{index}/{name}")).unwrap_or_default();
        text.trim().to_owned()
    };
    let found = (0..8).find(|index| read(*index, "level") == level.to_string());
    let size = found.map(|index| read(index, "size")).unwrap_or_default();
    let kib = size.strip_suffix('K').and_then(|size| size.parse::<u32>().ok());
    kib.map_or_else(|| "?".to_owned(), |kib| format!("{} MiB", kib / 1024))
}
