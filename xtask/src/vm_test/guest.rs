//! What runs inside the guests: the trials and the `ebbtide` binary, linked statically so that they
//! need nothing of the guest, and a few of this machine's tools with their libraries.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    initramfs::Archive,
    kernels::Kernel,
    modules, progress,
    tools::{Tools, output},
};

/// Test binaries that `init.sh` runs in a guest.
const SUITES: [&str; 3] = ["kernel_rows", "observe", "reap"];
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Optimised, for QEMU's processor is slow, and without symbols, for its memory is small.
const PROFILE: [&str; 3] =
    ["profile.dev.opt-level=1", "profile.dev.debug=false", "profile.dev.strip=true"];

/// The files of every guest, by their place in it.
pub(super) struct Guest {
    files: Vec<(String, PathBuf)>,
}

impl Guest {
    /// Builds the binaries in a target folder of their own and finds the tools' libraries.
    ///
    /// # Errors
    /// The build fails.
    pub(super) fn build(root: &Path, work: &Path, tools: &Tools) -> Result<Guest> {
        progress("build", "the trials and ebbtide, linked statically");
        let mut build = Command::new("cargo");
        build.args(["build", "--locked", "--package", "proxy-user", "--target", TARGET]);
        build.args(["--bin", "ebbtide", "--message-format", "json-render-diagnostics"]);
        build.args(SUITES.iter().flat_map(|suite| ["--test", suite]));
        build.args(PROFILE.iter().flat_map(|setting| ["--config", setting]));
        build.arg("--target-dir").arg(work).current_dir(root);
        // Left by the cargo that runs this task; build scripts would take a change in them for a reason
        // to build again.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_") {
                build.env_remove(name);
            }
        }
        // Only for the programs: with --target, build scripts and macros are built without it.
        build.env("RUSTFLAGS", "-C target-feature=+crt-static").stderr(Stdio::inherit());
        let done = build.stdout(Stdio::piped()).spawn()?.wait_with_output()?;
        ensure!(done.status.success(), "cargo build: {}", done.status);

        let built = executables(&String::from_utf8_lossy(&done.stdout));
        let mut files = vec![("bin/busybox".to_owned(), tools.busybox.clone())];
        for name in ["ebbtide"].iter().chain(&SUITES) {
            let (_, path) = built
                .iter()
                .find(|(target, _)| target == name)
                .with_context(|| format!("cargo built no {name}"))?;
            files.push((format!("ebbtide/{name}"), path.clone()));
        }
        for (name, path) in [("ip", &tools.ip), ("setpriv", &tools.setpriv)] {
            // Before busybox's own in PATH, which know less.
            files.push((format!("tools/{name}"), path.clone()));
            files.extend(libraries(path)?);
        }
        Ok(Guest { files })
    }

    /// Writes the initial file system for a kernel into `folder`; with `only`, for the trials whose
    /// names contain it.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(super) fn file_system(
        &self,
        folder: &Path,
        kernel: &Kernel,
        only: Option<&str>,
    ) -> Result<PathBuf> {
        let mut archive = Archive::default();
        for folder in ["proc", "sys", "dev", "run", "tmp"] {
            archive.folder(folder);
        }
        archive.console("dev/console");
        archive.file("init", include_bytes!("init.sh"));
        for (place, path) in &self.files {
            let content = fs::read(path).with_context(|| path.display().to_string())?;
            archive.file(place, &content);
        }
        let arguments = format!("--color never {}", only.unwrap_or_default());
        archive.file("ebbtide/arguments", arguments.as_bytes());
        let modules = modules::collect(&kernel.folder)?;
        let order: Vec<&str> = modules.iter().map(|(name, _)| name.as_str()).collect();
        archive.file("modules/order", order.join("\n").as_bytes());
        for (name, content) in &modules {
            archive.file(&format!("modules/{name}"), content);
        }
        fs::create_dir_all(folder)?;
        let path = folder.join("initramfs.cpio");
        fs::write(&path, archive.finish())?;
        Ok(path)
    }
}

/// Names and paths of what cargo built, from its JSON messages.
fn executables(messages: &str) -> Vec<(String, PathBuf)> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| {
            let path = message["executable"].as_str()?;
            Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(path)))
        })
        .collect()
}

/// The libraries and the loader of a dynamic program, each at the place where it looks for them.
fn libraries(program: &Path) -> Result<Vec<(String, PathBuf)>> {
    let lines = output(Command::new("ldd").arg(program))?;
    Ok(String::from_utf8_lossy(&lines)
        .lines()
        // `NAME => PATH (ADDRESS)`, or `PATH (ADDRESS)` for the loader.
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(|path| (path.trim_start_matches('/').to_owned(), PathBuf::from(path)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_other_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"a\"},\"executable\":null}\n\
            not JSON\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"b\"},\"executable\":\"x/b\"}\n\
            {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executables(messages), [("b".to_owned(), PathBuf::from("x/b"))]);
    }
}
