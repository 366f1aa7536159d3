//! The programs that the matrix needs from this machine: found, or named with what installs them.
//!
//! It only looks, unless `--install` was given.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::toolchain::run;

/// A program, where it may lie beside PATH, and the Debian package that has it.
struct Tool {
    name: &'static str,
    package: &'static str,
}

const TOOLS: [Tool; 5] = [
    Tool { name: "qemu-system-x86_64", package: "qemu-system-x86" },
    Tool { name: "busybox", package: "busybox-static" },
    Tool { name: "ip", package: "iproute2" },
    Tool { name: "setpriv", package: "util-linux" },
    Tool { name: "xz", package: "xz-utils" },
];

/// Programs that are copied into the guests.
pub(super) struct Tools {
    pub(super) busybox: PathBuf,
    pub(super) ip: PathBuf,
    pub(super) setpriv: PathBuf,
}

/// Finds every tool.
///
/// # Errors
/// Something is missing (with the command that installs it), or the installation failed.
pub(super) fn find(install: bool) -> Result<Tools> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the guests run x86_64 programs that are built here: use an x86_64 Linux machine"
    );
    let missing: Vec<&str> =
        TOOLS.iter().filter(|tool| on_path(tool.name).is_none()).map(|tool| tool.package).collect();
    if !missing.is_empty() {
        let packages = missing.join(" ");
        if !install {
            bail!(
                "missing tools; install them with\n\
                 \x20   apt-get install --no-install-recommends {packages}\n\
                 or let `cargo xtask vm-test --install` do it (as root on Debian)"
            );
        }
        run(Command::new("apt-get")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(&missing)
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    let path = |name: &str| on_path(name).with_context(|| format!("{name} is not on PATH"));
    Ok(Tools { busybox: path("busybox")?, ip: path("ip")?, setpriv: path("setpriv")? })
}

/// Where a program lies. The administrator's folders count too: a user's PATH may lack them.
fn on_path(name: &str) -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "a build task looks for tools on PATH")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(|folder| Path::new(folder).to_path_buf()))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// The standard output of a command that succeeds.
///
/// # Errors
/// It cannot be started, or it fails: then with the end of what it said.
pub(super) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let done = command.output().with_context(|| format!("starting {command:?}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    let program = command.get_program().display();
    ensure!(done.status.success(), "{program}: {}; {}", done.status, said.trim());
    Ok(done.stdout)
}
