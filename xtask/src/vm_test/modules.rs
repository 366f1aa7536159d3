//! The kernel modules that the trials need, out of an unpacked kernel package, in the order in which
//! they must be loaded.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::tools::output;

/// `veth` joins the network namespaces of trials; the others answer for `SOCK_DESTROY` and for
/// listing sockets. What a kernel has built in is not in its package and not missed.
const WANTED: [&str; 3] = ["veth", "inet_diag", "tcp_diag"];

/// A module's file name and content.
pub(super) type Module = (String, Vec<u8>);

/// The wanted modules that `folder` holds, those that others depend on first.
///
/// # Errors
/// One that cannot be read or unpacked.
pub(super) fn collect(folder: &Path) -> Result<Vec<Module>> {
    let mut files = Vec::new();
    walk(folder, &mut |path| files.push(path.to_path_buf()))?;
    let mut modules = Vec::new();
    for name in WANTED {
        add(name, &files, &mut modules)?;
    }
    Ok(modules)
}

fn add(name: &str, files: &[PathBuf], modules: &mut Vec<Module>) -> Result<()> {
    let file = format!("{name}.ko");
    if modules.iter().any(|(had, _)| *had == file) {
        return Ok(());
    }
    // File names may have either sign between words; dependencies have underscores.
    let is_it = |path: &&PathBuf| {
        let found = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
        found.split_once(".ko").is_some_and(|(stem, _)| stem == name)
    };
    let Some(path) = files.iter().find(is_it) else { return Ok(()) };
    let content = unpack(path).with_context(|| name.to_owned())?;
    for dependency in depends(&content) {
        add(&dependency, files, modules)?;
    }
    modules.push((file, content));
    Ok(())
}

fn unpack(path: &Path) -> Result<Vec<u8>> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => return Ok(fs::read(path)?),
    };
    output(Command::new(program).args(["--decompress", "--stdout"]).arg(path))
}

/// The names after `depends=` in a module's `.modinfo` section.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let rest = module.get(at + KEY.len()..).unwrap_or_default();
    let value = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(value)
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect()
}

/// Every file below `folder`; symbolic links are not followed.
pub(super) fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), visit)?;
        } else {
            visit(&entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_modinfo() {
        let module = b"\x7fELF\0license=GPL\0depends=inet_diag,x-y\0name=tcp_diag\0";
        assert_eq!(depends(module), ["inet_diag", "x_y"]);
        assert_eq!(depends(b"\0depends=\0name=veth"), [""; 0]);
        assert_eq!(depends(b"no section"), [""; 0]);
    }
}
