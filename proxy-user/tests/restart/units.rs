//! The units in `deploy/systemd`, read by systemd itself.

use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;

use crate::harness::scratch::Scratch;

const INSTALLED: &str = "/usr/local/bin/ebbtide";

fn systemd_analyze() -> Command {
    Command::new("systemd-analyze")
}

/// systemd's tools are here.
pub(crate) fn can_be_tried() -> bool {
    let tried = systemd_analyze().arg("--version").stdout(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

pub(crate) fn systemd_accepts_them() -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd");
    let scratch = Scratch::new();
    let copies = ["ebbtide.service", "ebbtide.socket"].map(|name| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        // It looks whether what is to be started is there.
        scratch.file(name, &text.replace(INSTALLED, env!("CARGO_BIN_EXE_ebbtide")))
    });
    let outcome = systemd_analyze().arg("verify").args(copies).output()?;
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success() && said.is_empty(), "{said}");
    Ok(())
}
