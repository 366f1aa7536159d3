//! The hash over everything that the kernel object is made from. It is recorded beside the object, so
//! that a changed source without a rebuilt object is noticed without the eBPF toolchain.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// What is hashed, relative to the workspace: files, or folders with all `.rs` files in them.
const INPUTS: [&str; 5] = [
    "proxy-common/Cargo.toml",
    "proxy-common/src",
    "proxy-ebpf/Cargo.lock",
    "proxy-ebpf/Cargo.toml",
    "proxy-ebpf/src",
];

/// The SHA-256 in hexadecimal over the names and contents of the kernel object's sources.
///
/// # Errors
/// A source that cannot be read.
pub(crate) fn sources(root: &Path) -> Result<String> {
    let mut files = Vec::new();
    for input in INPUTS {
        collect(&root.join(input), &mut files).with_context(|| format!("reading {input}"))?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        let content = fs::read(&file).with_context(|| format!("reading {name}"))?;
        // The lengths keep two different lists of files from giving one stream of bytes.
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(&content);
    }
    Ok(hex(&hash.finalize()))
}

/// The SHA-256 of some bytes in hexadecimal.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "rs") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
