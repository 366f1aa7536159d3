//! The binary under test, and single runs of it that end by themselves.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use super::wait::{PATIENCE, within};

/// The freshly built binary, or the one that `EBBTIDE_BIN` names.
pub fn ebbtide() -> Command {
    ebbtide_behind(&[])
}

/// The binary behind the words of wrappers, each of which ends in an exec, so that the child's id
/// stays the proxy's id. Variables of the caller that would configure it are taken away.
pub fn ebbtide_behind(wrappers: &[String]) -> Command {
    let path =
        std::env::var("EBBTIDE_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_ebbtide").to_owned());
    let words = [wrappers, &[path]].concat();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EBBTIDE_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a finished run left.
#[derive(Debug)]
pub struct Outcome {
    /// `None` = ended by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs to the end; a run that does not end is killed and fails the test.
pub fn finish(command: &mut Command) -> Outcome {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("start {command:?}: {e}"));
    let stdout = drain(child.stdout.take().unwrap());
    let stderr = drain(child.stderr.take().unwrap());
    let code = exit_code(&mut child);
    if code.is_none() {
        let _ = child.kill();
    }
    let outcome = Outcome {
        code: code.flatten(),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    assert!(code.is_some(), "{command:?} did not end within {PATIENCE:?}: {outcome:?}");
    outcome
}

/// The child's exit code once it has ended; `None` when it goes on beyond all patience.
pub fn exit_code(child: &mut Child) -> Option<Option<i32>> {
    within(PATIENCE, || child.try_wait().unwrap()).map(|status| status.code())
}

fn drain(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
