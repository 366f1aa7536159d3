//! What a guest's console says of its kernel. Pure: it decides what is good, `table` shows it.

use std::time::Duration;

use anyhow::Error;
use serde_json::Value;

use super::console::{self, Console, Section};

/// How one trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed(String),
    /// It failed among others and passed by itself; with what it said when it failed.
    Unsteady(String),
    /// With the reason.
    NotRun(String),
}

/// One trial of a suite.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

/// A capability as `doctor` sees it, for a row of the table.
#[derive(Debug)]
pub(super) struct Capability {
    pub(super) name: String,
    pub(super) value: String,
    /// What `doctor` says where it is not there.
    pub(super) detail: Option<String>,
}

/// All about one kernel.
#[derive(Debug)]
pub(super) struct Report {
    wish: String,
    /// `None` = it could not be had.
    pub(super) release: Option<String>,
    pub(super) capabilities: Vec<Capability>,
    pub(super) trials: Vec<Trial>,
    /// Whatever else is not as it should be; each of these is a failure.
    pub(super) faults: Vec<String>,
    pub(super) seconds: u64,
    /// What ended the kernel's first boot, where this is about a second one.
    pub(super) first_panic: Option<String>,
}

/// What the kernel said when it panicked: the line that names the fault, else the panic's own.
pub(super) fn panic(lines: &[String]) -> Option<String> {
    let with = |words: &str| lines.iter().find(|line| line.contains(words));
    let panic = with("Kernel panic")?;
    Some(with("Oops").or(with("BUG: ")).unwrap_or(panic).clone())
}

impl Report {
    /// A kernel that could not be had or booted.
    pub(super) fn unavailable(wish: &str, error: &Error) -> Report {
        Report {
            wish: wish.to_owned(),
            release: None,
            capabilities: Vec::new(),
            trials: Vec::new(),
            faults: vec![format!("not to be had: {error:#}")],
            seconds: 0,
            first_panic: None,
        }
    }

    /// Reads a console.
    pub(super) fn read(wish: &str, release: &str, lines: &[String], took: Duration) -> Report {
        let console = console::read(lines);
        let mut report = Report {
            wish: wish.to_owned(),
            release: Some(release.to_owned()),
            capabilities: Vec::new(),
            trials: Vec::new(),
            faults: Vec::new(),
            seconds: took.as_secs(),
            first_panic: None,
        };
        report.read_doctors(&console);
        for section in &console.sections {
            if let Some(suite) = section.name.strip_prefix("suite ") {
                report.read_suite(suite, section);
            }
        }
        report.read_second_tries(&console);
        report.read_leftovers(&console);
        if !console.done {
            let last = lines.iter().rev().find(|line| !line.trim().is_empty());
            let notes = console.notes.join(", ");
            let last = panic(lines).or(last.cloned()).unwrap_or_default();
            report.faults.push(format!("the guest did not come to its end ({notes}): {last}"));
        }
        report
    }

    /// What was asked for.
    pub(super) fn wish(&self) -> &str {
        &self.wish
    }

    /// Nothing failed, and something ran.
    pub(super) fn good(&self) -> bool {
        let failed = |trial: &Trial| matches!(trial.outcome, Outcome::Failed(_));
        self.faults.is_empty() && !self.trials.iter().any(failed) && self.passed() > 0
    }

    fn passed(&self) -> usize {
        self.trials.iter().filter(|trial| trial.outcome == Outcome::Passed).count()
    }

    fn read_doctors(&mut self, console: &Console) {
        let whole = console.section("doctor").and_then(json);
        if let Some(doctor) = &whole {
            self.read_capabilities(doctor);
        }
        for (name, section) in [
            ("as root", "doctor"),
            ("without BTF", "doctor-without-btf"),
            ("with 3 rights", "doctor-few"),
            ("with 3, 64 KiB locked", "doctor-few-locked"),
            ("with none", "doctor-none"),
        ] {
            let Some(doctor) = console.section(section).and_then(json) else {
                self.faults.push(format!("`doctor` {name} gave no report"));
                continue;
            };
            let value = doctor["source"].as_str().unwrap_or("?").to_owned();
            let detail = (value != "ebpf").then(|| advice(&doctor));
            self.capabilities.push(Capability { name: format!("source {name}"), value, detail });
        }
    }

    /// The rows that do not depend on the version of `doctor`: its findings, and a row per program.
    fn read_capabilities(&mut self, doctor: &Value) {
        let mut add = |name: &str, finding: &Value| {
            let ok = finding["ok"].as_bool() == Some(true);
            self.capabilities.push(Capability {
                name: name.to_owned(),
                value: if ok { "yes" } else { "no" }.to_owned(),
                detail: (!ok).then(|| finding["detail"].as_str().unwrap_or("?").to_owned()),
            });
        };
        add("BTF", &doctor["btf"]);
        let cgroup = serde_json::json!({
            "ok": doctor["cgroup"].is_string(), "detail": doctor["cgroup_error"],
        });
        add("cgroup v2", &cgroup);
        add("mmapable array", &doctor["mmapable_array"]);
        for program in doctor["programs"].as_array().into_iter().flatten() {
            let word = |key: &str| program[key].as_str().unwrap_or("?").to_owned();
            add(&format!("{} ({})", word("name"), word("kind")), &program["loads"]);
        }
        add("attach", &doctor["attach"]);
    }

    fn read_suite(&mut self, suite: &str, section: &Section) {
        let had = self.trials.len();
        for line in &section.lines {
            if let Some((name, outcome)) = trial(line) {
                let outcome = match outcome {
                    Outcome::Failed(_) => Outcome::Failed(words(&section.lines, name)),
                    other => other,
                };
                self.trials.push(Trial { name: format!("{suite}: {name}"), outcome });
            }
        }
        let failed =
            self.trials.iter().skip(had).any(|trial| matches!(trial.outcome, Outcome::Failed(_)));
        if section.code != Some(0) && !failed {
            let end = section.code.map_or("did not end".to_owned(), |code| format!("ended {code}"));
            let errors = section.errors.join(" ");
            self.faults.push(format!("{suite} {end}: {errors}"));
        }
    }

    /// What `init.sh` tried again by itself.
    fn read_second_tries(&mut self, console: &Console) {
        for trial in &mut self.trials {
            let again = console.section(&format!("again {}", trial.name));
            if let (Outcome::Failed(words), Some(0)) =
                (&trial.outcome, again.and_then(|section| section.code))
            {
                trial.outcome = Outcome::Unsteady(words.clone());
            }
        }
    }

    /// What must not be there when every trial is over.
    fn read_leftovers(&mut self, console: &Console) {
        for (section, what) in [
            ("programs", "BPF programs that nobody unloaded"),
            ("pins", "files in the BPF file system"),
            ("cgroups", "cgroups that nobody removed"),
        ] {
            let Some(section) = console.section(section) else { continue };
            let lines: Vec<&str> = section.lines.iter().map(|line| line.trim()).collect();
            let left = lines.join(" ").trim().to_owned();
            if !left.is_empty() {
                self.faults.push(format!("{what}: {left}"));
            }
        }
    }
}

/// A line of libtest's: `test NAME ... ok`, `FAILED` or `ignored (REASON)`.
fn trial(line: &str) -> Option<(&str, Outcome)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let outcome = match outcome.trim() {
        "ok" => Outcome::Passed,
        "FAILED" => Outcome::Failed(String::new()),
        other => {
            let reason = other.strip_prefix("ignored")?.trim();
            let reason = reason.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
            Outcome::NotRun(reason.unwrap_or("no reason given").to_owned())
        }
    };
    Some((name.trim(), outcome))
}

/// The first words of a failed trial: libtest lists them under `---- NAME ----`.
fn words(lines: &[String], name: &str) -> String {
    let title = format!("---- {name} ----");
    let said = lines.iter().skip_while(|line| **line != title).skip(1);
    said.take_while(|line| !line.is_empty()).take(6).cloned().collect::<Vec<_>>().join(" ")
}

fn json(section: &Section) -> Option<Value> {
    serde_json::from_str(&section.lines.join("\n")).ok()
}

fn advice(doctor: &Value) -> String {
    let advice = doctor["advice"].as_array().into_iter().flatten();
    advice.filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Report {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        Report::read("6.1", "6.1.0-50", &lines, Duration::from_secs(5))
    }

    /// A console of a guest in which all is well, with `suite` as the end of its only suite.
    fn console(suite: &str) -> String {
        let doctor = "{\"source\":\"ebpf\",\"attach\":{\"ok\":true},\"advice\":[]}";
        let doctors: String = ["", "-without-btf", "-few", "-few-locked", "-none"]
            .iter()
            .map(|kind| {
                format!("@@ebbtide begin doctor{kind}\n{doctor}\n@@ebbtide end doctor{kind} 0\n")
            })
            .collect();
        format!("{doctors}@@ebbtide begin suite x\ntest a ... ok\n{suite}\n@@ebbtide done\n")
    }

    #[test]
    fn a_guest_in_which_all_is_well_is_good() {
        let well = report(&console("test b ... ignored (no veth)\n@@ebbtide end suite x 0"));
        assert!(well.good(), "{well:?}");
        let outcome = well.trials.iter().find(|trial| trial.name == "x: b").map(|t| &t.outcome);
        assert_eq!(outcome, Some(&Outcome::NotRun("no veth".to_owned())));
    }

    #[test]
    fn what_is_not_well_is_not_good() {
        let failed = "test b ... FAILED\n---- b ----\nwhy\n\n@@ebbtide end suite x 101";
        let failed = report(&console(failed));
        assert_eq!(failed.trials[1].outcome, Outcome::Failed("why".to_owned()));
        let end = "@@ebbtide end suite x 0\n";
        let left = format!("{end}@@ebbtide begin pins\nleft\n@@ebbtide end pins 0");
        for bad in [
            failed,
            report(&console("@@ebbtide end suite x 137")),
            report(&console(&left)),
            report(&console(end).replace("@@ebbtide done", "")),
            report(&console(end).replace("doctor-few\n", "other\n")),
            report(&console(end).replace("test a ... ok", "")),
        ] {
            assert!(!bad.good(), "{bad:?}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_unsteady() {
        let failed = "test b ... FAILED\n---- b ----\nwhy\n\n@@ebbtide end suite x 101\n";
        let again =
            |code| format!("{failed}@@ebbtide begin again x: b\n@@ebbtide end again x: b {code}");
        let passed = report(&console(&again(0)));
        assert!(passed.good(), "{passed:?}");
        assert_eq!(passed.trials[1].outcome, Outcome::Unsteady("why".to_owned()));
        assert!(!report(&console(&again(101))).good());
    }

    #[test]
    fn a_panic_is_known_by_its_fault() {
        let lines = ["Oops: int3: 0000", "Kernel panic - not syncing: Fatal"].map(str::to_owned);
        assert_eq!(panic(&lines), Some("Oops: int3: 0000".to_owned()));
        assert_eq!(panic(&lines[1..]).as_deref(), Some("Kernel panic - not syncing: Fatal"));
        assert_eq!(panic(&lines[..1]), None);
    }
}
