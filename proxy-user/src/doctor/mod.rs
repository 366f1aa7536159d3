//! What this machine offers for watching sockets, and what to change to get more.
//!
//! It tries what the table would do and undoes it at once. It needs no privileges: a refusal is a finding.

mod advice;
pub(crate) mod capabilities;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::drivers::process;
use crate::sockets::{
    Probe, Source, cgroup, diag,
    examine::{self, Step},
};

/// One thing that works or does not.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// It works.
    pub ok: bool,
    /// What was found, or why it does not work.
    pub detail: String,
}

impl From<Step> for Finding {
    fn from(step: Step) -> Finding {
        let ok = step.is_ok();
        Finding { ok, detail: step.unwrap_or_else(|refused| refused) }
    }
}

/// One kernel program of the embedded object.
#[derive(Clone, Debug, Serialize)]
pub struct Program {
    /// Its name in the object.
    pub name: &'static str,
    /// Its kind, as `bpftool` calls it.
    pub kind: &'static str,
    /// Whether this kernel loads it for this process, and if not, the kernel's message.
    pub loads: Finding,
}

/// What this machine offers.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The kernel's release, as `uname -r` shows it.
    pub kernel: String,
    /// Offsets of structure members from the kernel's own type information.
    pub btf: Finding,
    /// The cgroup v2 folder that the programs are attached to; `None` with `cgroup_error`.
    pub cgroup: Option<PathBuf>,
    /// Why there is no folder.
    pub cgroup_error: Option<String>,
    /// Effective capabilities of this process, by the names of capabilities(7).
    pub capabilities: Vec<String>,
    /// Creating the tables.
    pub maps: Finding,
    /// Reading the table of rows as memory.
    pub mmapable_array: Finding,
    /// Every program of the embedded object.
    pub programs: Vec<Program>,
    /// Attaching to the cgroup.
    pub attach: Finding,
    /// Listing sockets of other processes, for `ebbtide observe`.
    pub sock_diag: Finding,
    /// Destroying them, for `ebbtide observe --reap`.
    pub sock_destroy: Finding,
    /// Cgroups for the apps that Ebbtide starts, which hold their processes together.
    pub app_cgroups: Finding,
    /// The source that `auto` uses: `ebpf` or `tcp-info`.
    pub source: String,
    /// What to change to get `ebpf`, or more from it; empty if there is nothing to gain.
    pub advice: Vec<String>,
    /// A summary in one sentence.
    pub verdict: String,
}

/// Examines this machine for this process, with the programs attached to `cgroup` for a moment
/// (`None` = the process's own). Never fails: what cannot be found out is reported as such.
#[must_use]
pub fn examine(cgroup: Option<&Path>) -> Report {
    let steps = examine::steps(cgroup);
    let found = match cgroup {
        Some(path) => {
            cgroup::check(path).map(|()| path.to_path_buf()).map_err(|error| error.to_string())
        }
        None => cgroup::own().map_err(|error| error.to_string()),
    };
    let (cgroup, cgroup_error) = match found {
        Ok(path) => (Some(path), None),
        Err(error) => (None, Some(error)),
    };
    let programs: Vec<Program> = steps
        .programs
        .into_iter()
        .map(|(name, kind, step)| Program { name, kind, loads: step.into() })
        .collect();
    let (sock_diag, sock_destroy) = diag::examine();
    let mut report = Report {
        kernel: read("/proc/sys/kernel/osrelease"),
        btf: steps.btf.into(),
        cgroup,
        cgroup_error,
        capabilities: capabilities::effective(&read("/proc/self/status")),
        maps: steps.maps.into(),
        mmapable_array: steps.mapping.into(),
        programs,
        attach: steps.attach.into(),
        sock_diag: sock_diag.into(),
        sock_destroy: sock_destroy.into(),
        app_cgroups: match process::examine() {
            Ok(path) => Finding { ok: true, detail: format!("in {}", path.display()) },
            Err(error) => Finding { ok: false, detail: error.to_string() },
        },
        source: String::new(),
        advice: Vec::new(),
        verdict: String::new(),
    };
    // Attaching needs the programs and the maps: if it works, they do.
    let kernel = report.attach.ok && report.mmapable_array.ok;
    report.source = if kernel { Source::Ebpf } else { Source::TcpInfo }.to_string();
    report.advice =
        advice::of(&report, &read("/sys/kernel/security/lockdown"), &read("/proc/self/limits"));
    report.verdict = advice::verdict(&report);
    report
}

/// A kernel file's content, trimmed; empty if it cannot be read.
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, text: &str| writeln!(f, "{name:<32}{text}");
        let finding = |finding: &Finding| {
            format!("{}: {}", if finding.ok { "yes" } else { "no" }, finding.detail)
        };
        line("kernel", &self.kernel)?;
        line("BTF", &finding(&self.btf))?;
        match (&self.cgroup, &self.cgroup_error) {
            (Some(path), _) => line("cgroup v2", &path.display().to_string())?,
            (None, error) => line("cgroup v2", error.as_deref().unwrap_or("unknown"))?,
        }
        line("capabilities", &capabilities::text(&self.capabilities))?;
        line("tables", &finding(&self.maps))?;
        line("rows as memory", &finding(&self.mmapable_array))?;
        for program in &self.programs {
            let words = match self.stand_in(program) {
                Some(other) => format!("not needed, as {other} loads: {}", program.loads.detail),
                None => finding(&program.loads),
            };
            line(&format!("{} ({})", program.name, program.kind), &words)?;
        }
        line("attached to cgroup", &finding(&self.attach))?;
        line("sockets listed (observe)", &finding(&self.sock_diag))?;
        line("destroyed (--reap)", &finding(&self.sock_destroy))?;
        line("cgroups for apps", &finding(&self.app_cgroups))?;
        line("source", &self.source)?;
        for advice in &self.advice {
            line("advice", advice)?;
        }
        line("verdict", &self.verdict)
    }
}

impl Report {
    /// Another program that does the work of this one, which does not load: one of those that watch sends
    /// is enough.
    fn stand_in(&self, program: &Program) -> Option<&'static str> {
        let probe =
            |program: &&Program| Probe::ALL.iter().any(|probe| probe.name() == program.name);
        let other = self.programs.iter().filter(probe).find(|other| other.loads.ok)?;
        (probe(&program) && !program.loads.ok).then_some(other.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_process_gets_a_whole_report() {
        let report = examine(None);
        assert!(!report.kernel.is_empty());
        assert_eq!(report.source == "ebpf", report.attach.ok && report.mmapable_array.ok);
        let text = report.to_string();
        let words =
            ["kernel", "BTF", "cgroup v2", "capabilities", "watch_legs", "source", "verdict"];
        for word in words {
            assert!(text.contains(word), "{text}");
        }
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["programs"][0]["kind"], "sock_ops");
    }

    #[test]
    fn a_folder_that_is_no_cgroup_is_reported() {
        for (path, why) in [("/proc/self", "not a cgroup v2 directory"), ("/nope", "No such file")]
        {
            let report = examine(Some(Path::new(path)));
            assert!(!report.attach.ok);
            assert_eq!(report.source, "tcp-info");
            let advice = report.advice.join("\n");
            assert!(advice.contains(&format!("{path}: {why}")), "{report}");
            assert!(!advice.contains("security module"), "{report}");
            assert!(report.verdict.contains("polled"), "{report}");
        }
    }
}
