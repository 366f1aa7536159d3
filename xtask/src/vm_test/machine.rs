//! One guest: QEMU with its processor in software, from start to power-off or to the end of its time.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{console::MARK, now};

/// Without a line for so long the person who waits is told that it goes on.
const QUIET: Duration = Duration::from_secs(15);

/// What to boot.
pub(super) struct Machine<'a> {
    pub(super) image: &'a Path,
    pub(super) initrd: &'a Path,
    /// The guest is ended after this time.
    pub(super) seconds: u64,
}

impl Machine<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new("qemu-system-x86_64");
        // KVM hangs inside some clouds' machines even where its device exists. QEMU 7.2 now and then
        // ran a kernel's patched code half old and half new with a thread for each processor ("Oops:
        // int3"), and broke the flags at an interrupt after CMPXCHG16B ("double fault" in kmalloc):
        // hence one thread, and a processor without that instruction. `max` has a source of randomness;
        // five-level page tables would only cost time.
        command.args(["-accel", "tcg,thread=single", "-cpu", "max,la57=off,cx16=off"]);
        command.args(["-m", "1024", "-smp", "2"]);
        command.args(["-nographic", "-nic", "none", "-no-reboot", "-kernel"]).arg(self.image);
        command.arg("-initrd").arg(self.initrd);
        command.args(["-append", "console=ttyS0 quiet panic=-1"]);
        command
    }

    /// What a person types to boot it again.
    pub(super) fn command_line(&self) -> String {
        format!("{:?}", self.command()).replace('"', "'")
    }

    /// Boots, and returns what the console showed until the guest was off, or its time was up. All of
    /// it is written to `log` as well; `progress` gets a line for each thing done.
    ///
    /// # Errors
    /// QEMU cannot be started, or the log not be written.
    pub(super) fn run(&self, log: &Path, progress: impl Fn(&str)) -> Result<Vec<String>> {
        let mut log = File::create(log)?;
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting QEMU")?;
        let console = child.stdout.take().context("QEMU's output")?;
        let (send, lines) = mpsc::channel();
        // Ends with QEMU, which is ended below.
        thread::spawn(move || {
            for line in BufReader::new(console).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
                if send.send(line).is_err() {
                    return;
                }
            }
        });

        let (start, limit) = (now(), Duration::from_secs(self.seconds));
        let mut all = Vec::new();
        let outcome = loop {
            let Some(left) = limit.checked_sub(start.elapsed()) else {
                let late = format!("ended after {} s", self.seconds);
                progress(&late);
                all.push(format!("{MARK} late {late}"));
                break Ok(());
            };
            match lines.recv_timeout(left.min(QUIET)) {
                Ok(line) => {
                    if let Some(shown) = shown(&line) {
                        progress(shown);
                    }
                    if let Err(error) = writeln!(log, "{line}") {
                        break Err(error.into());
                    }
                    all.push(line);
                }
                Err(RecvTimeoutError::Timeout) => {
                    progress(&format!("… {} s", start.elapsed().as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
            }
        };
        // Already gone where it turned itself off.
        let _ = child.kill();
        child.wait()?;
        outcome.map(|()| all)
    }
}

/// What of the console the person who waits is shown: each step as it begins, and each trial.
fn shown(line: &str) -> Option<&str> {
    let step = line.strip_prefix(MARK).map(str::trim);
    step.filter(|step| !step.starts_with("end ") && !step.ends_with(" errors"))
        .or_else(|| line.starts_with("test ").then_some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_trials_are_shown() {
        assert_eq!(shown("@@ebbtide begin suite x"), Some("begin suite x"));
        assert_eq!(shown("test a ... ok"), Some("test a ... ok"));
        for line in ["@@ebbtide end suite x 0", "@@ebbtide begin errors", "{", ""] {
            assert_eq!(shown(line), None, "{line}");
        }
    }
}
