//! One run of a program. Its time and what is kept of its output are bounded, and it is killed when nobody waits
//! for it any more.

use std::env;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::DriverError;
use super::super::child::clean;
use super::super::lines::{Lines, Newest};
use super::super::process::ended;
use crate::config;
use crate::toml_file::quote;

/// How much of a program's answer is kept, in bytes.
const LONGEST_ANSWER: usize = 4096;
/// Size of a read from a pipe, in bytes.
const BUFFER: usize = 64 * 1024;
/// Reading pauses after this many bytes from a pipe, so that a program that prints endlessly does not use up a
/// core.
const BURST: usize = 1024 * 1024;
/// How long the pause is. With `BURST` this allows about 200 MiB/s.
const PAUSE: Duration = Duration::from_millis(4);
/// How long to go on reading when a program has ended: processes that it left running may hold its pipes open.
const REST: Duration = Duration::from_millis(200);

/// A program with its arguments.
#[derive(Clone, Copy)]
pub(super) struct Program<'a> {
    /// Its key in the configuration.
    pub(super) key: &'static str,
    pub(super) words: &'a [String],
    pub(super) app: &'a str,
    pub(super) config: &'a config::CommandDriver,
    /// How long it may take.
    pub(super) limit: Duration,
}

/// What programs printed last.
#[derive(Debug, Default)]
pub(super) struct Printed(Mutex<Newest>);

impl Printed {
    /// The newest line last.
    pub(super) fn newest(&self) -> Vec<String> {
        self.0.lock().to_vec()
    }
}

impl Program<'_> {
    /// Runs it. Its output replaces what was `printed` before.
    ///
    /// # Errors
    /// It cannot be run, fails, or takes too long and is killed.
    pub(super) async fn run(self, printed: &Arc<Printed>) -> Result<(), DriverError> {
        printed.0.lock().clear();
        let (child, group) = self.spawn()?;
        self.finish(child, group, printed, |stdout| tokio::spawn(read(stdout, Arc::clone(printed))))
            .await
            .map(drop)
    }

    /// Runs it, and returns what it printed to standard output.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub(super) async fn ask(self) -> Result<String, DriverError> {
        let (child, group) = self.spawn()?;
        let read = |stdout| tokio::spawn(answer(stdout));
        let answer = self.finish(child, group, &Arc::default(), read).await?;
        answer.ok_or_else(|| {
            self.failed("it left a process running that still holds its output open")
        })
    }

    /// Whether there is such a program, as far as that can be told without running it.
    ///
    /// # Errors
    /// There is none, or it is not executable.
    pub(super) fn check(&self) -> Result<(), DriverError> {
        let program = Path::new(self.words.first().map_or("", |program| program));
        // The search of execvp(3), from the folder in which the program would run.
        let dir = self.config.dir.as_deref().unwrap_or(Path::new("."));
        let path = self.config.env.get("PATH").map(OsString::from).or_else(|| env::var_os("PATH"));
        let places: Vec<_> = if program.as_os_str().as_bytes().contains(&b'/') {
            vec![dir.join(program)]
        } else {
            let Some(path) = path else { return Ok(()) };
            env::split_paths(&path).map(|folder| dir.join(folder).join(program)).collect()
        };
        let found: Vec<_> = places.iter().filter_map(|place| place.metadata().ok()).collect();
        let is_program = |found: &Metadata| found.is_file() && found.mode() & 0o111 != 0;
        if found.iter().any(is_program) {
            return Ok(());
        }
        let error = if found.is_empty() { libc::ENOENT } else { libc::EACCES };
        Err(self.failed(&not_started(&io::Error::from_raw_os_error(error))))
    }

    /// Waits until it ends. Returns what was made of its standard output, if that has ended too.
    async fn finish<T>(
        self,
        mut child: Child,
        mut group: Group,
        printed: &Arc<Printed>,
        read_stdout: impl FnOnce(Box<dyn AsyncRead + Send + Unpin>) -> JoinHandle<T>,
    ) -> Result<Option<T>, DriverError> {
        let nothing = || Box::new(tokio::io::empty()) as Box<dyn AsyncRead + Send + Unpin>;
        let stdout = child.stdout.take().map_or_else(nothing, |pipe| Box::new(pipe) as _);
        let stderr = child.stderr.take().map_or_else(nothing, |pipe| Box::new(pipe) as _);
        let stdout = read_stdout(stdout);
        let stderr = tokio::spawn(read(stderr, Arc::clone(printed)));
        let Ok(status) = timeout(self.limit, child.wait()).await else {
            drop(group);
            let limit = humantime::format_duration(self.limit);
            return Err(self.failed(&format!("it did not end within {limit}, and was killed")));
        };
        group.0 = None;
        let rest = timeout(REST, async { (stdout.await.ok(), stderr.await.ok()) }).await;
        let status = status.map_err(|error| self.failed(&error.to_string()))?;
        if status.success() {
            return Ok(rest.ok().and_then(|(answer, _)| answer));
        }
        let DriverError(failure) = self.failed(&ended(Some(status), 0));
        Err(DriverError(failure.with_output(printed.0.lock().to_vec())))
    }

    fn spawn(&self) -> Result<(Child, Group), DriverError> {
        let mut words = self.words.iter();
        let mut command = Command::new(words.next().map_or("", |program| program));
        command.args(words).env("EBBTIDE_APP", self.app).envs(&self.config.env);
        if let Some(dir) = &self.config.dir {
            command.current_dir(dir);
        }
        clean(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| self.failed(&not_started(&error)))?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Ok((child, Group(id)))
    }

    /// An error about it, without its arguments: they may be secrets.
    pub(super) fn failed(&self, why: &str) -> DriverError {
        let program = quote(self.words.first().map_or("", |program| program));
        DriverError::new(format!("`{}` ({program}): {why}", self.key))
    }
}

fn not_started(error: &io::Error) -> String {
    let fix = match error.kind() {
        io::ErrorKind::NotFound => "; check the program, `dir` and PATH",
        io::ErrorKind::PermissionDenied => "; check who may run it",
        _ => "",
    };
    format!("it cannot be run: {error}{fix}")
}

/// The process group of a run, which is killed when this is dropped; `None` = not any more.
struct Group(Option<i32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // SAFETY: takes plain numbers. The first process of the group has not been waited for, so its
            // id is nobody else's.
            unsafe { libc::killpg(id, libc::SIGKILL) };
        }
    }
}

/// Reads until every writer has closed the pipe, and keeps the newest lines.
async fn read(mut pipe: Box<dyn AsyncRead + Send + Unpin>, printed: Arc<Printed>) {
    let mut buffer = vec![0; BUFFER].into_boxed_slice();
    let (mut lines, mut burst) = (Lines::default(), 0);
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        let bytes = buffer.get(..count).unwrap_or_default();
        lines.feed_last(bytes, Newest::COUNT, |line| printed.0.lock().push(line));
        rest(&mut burst, count).await;
    }
    if let Some(line) = lines.finish() {
        printed.0.lock().push(line);
    }
}

/// Reads until every writer has closed the pipe, and keeps the beginning.
async fn answer(mut pipe: Box<dyn AsyncRead + Send + Unpin>) -> String {
    let mut buffer = vec![0; BUFFER].into_boxed_slice();
    let (mut answer, mut burst) = (Vec::new(), 0);
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        let room = LONGEST_ANSWER - answer.len();
        answer.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
        rest(&mut burst, count).await;
    }
    String::from_utf8_lossy(&answer).into_owned()
}

async fn rest(burst: &mut usize, count: usize) {
    *burst += count;
    if *burst >= BURST {
        sleep(PAUSE).await;
        *burst = 0;
    }
}
