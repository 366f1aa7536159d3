//! Debian's package lists and packages, through an apt of the matrix's own: its sources, lists and
//! cache lie below `target/vm`, and the machine's are only read, to find the mirror.

use std::{
    cell::OnceCell,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{progress, tools::output};

/// Where Debian's kernels are looked for. A suite that the mirror no longer has is passed over: what
/// is then missing shows as a kernel that could not be had.
const SUITES: [&str; 6] =
    ["bullseye", "bookworm", "bookworm-backports", "trixie", "sid", "experimental"];
/// Debian's keys where its package puts them; without it the machine's own trusted keys decide.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A Debian mirror seen through private package lists.
pub(super) struct Mirror {
    folder: PathBuf,
    uri: Option<String>,
    refresh: bool,
    /// The lists were brought up to date by this run.
    ready: OnceCell<()>,
}

impl Mirror {
    /// A mirror whose lists lie below `work`; nothing is asked yet. Without a `uri` it is the one of
    /// this machine's apt sources.
    pub(super) fn new(work: &Path, uri: Option<&str>, refresh: bool) -> Mirror {
        let uri = uri.map(str::to_owned);
        Mirror { folder: work.join("apt"), uri, refresh, ready: OnceCell::new() }
    }

    /// Whether what was found earlier must not be used.
    pub(super) fn refresh(&self) -> bool {
        self.refresh
    }

    /// Names of all packages that begin with `prefix`.
    ///
    /// # Errors
    /// There is no mirror, or its lists cannot be had.
    pub(super) fn packages(&self, prefix: &str) -> Result<Vec<String>> {
        self.lists()?;
        let names = output(self.apt("apt-cache").args(["pkgnames", prefix]))?;
        Ok(String::from_utf8_lossy(&names).lines().map(str::to_owned).collect())
    }

    /// Names of the packages that `package` depends on.
    ///
    /// # Errors
    /// As `packages`, or there is no such package.
    pub(super) fn depends(&self, package: &str) -> Result<Vec<String>> {
        self.lists()?;
        let lines = output(self.apt("apt-cache").args(["depends", "--important", package]))?;
        Ok(String::from_utf8_lossy(&lines)
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .map(str::to_owned)
            .collect())
    }

    /// Downloads a package into `folder` and unpacks it there.
    ///
    /// # Errors
    /// It cannot be had, or is no package.
    pub(super) fn unpack(&self, package: &str, folder: &Path) -> Result<()> {
        self.lists()?;
        let archives = folder.join("archives");
        fs::create_dir_all(&archives)?;
        output(self.apt("apt-get").args(["download", package]).current_dir(&archives))?;
        let archive = fs::read_dir(&archives)?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .with_context(|| format!("{package}: nothing was downloaded"))?;
        output(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(folder))?;
        fs::remove_dir_all(&archives)?;
        Ok(())
    }

    /// Brings the private lists up to date, once in a run.
    fn lists(&self) -> Result<()> {
        if self.ready.get().is_some() {
            return Ok(());
        }
        let uri = match &self.uri {
            Some(uri) => uri.clone(),
            None => configured()?,
        };
        progress("apt", &format!("reading {}'s lists", SUITES.join(", ")));
        fs::create_dir_all(self.folder.join("lists/partial"))?;
        fs::create_dir_all(self.folder.join("cache/archives/partial"))?;
        let signed = if Path::new(KEYRING).exists() {
            format!(" signed-by={KEYRING}")
        } else {
            String::new()
        };
        let sources: String = SUITES
            .iter()
            .map(|suite| format!("deb [arch=amd64{signed}] {uri} {suite} main\n"))
            .collect();
        fs::write(self.folder.join("sources.list"), sources)?;
        // A suite that fails is not the end: the others' lists are taken all the same.
        if let Err(error) = output(self.apt("apt-get").args(["update", "--quiet"])) {
            progress("apt", &format!("{error:#}"));
        }
        let _ = self.ready.set(());
        Ok(())
    }

    /// apt's programs with every folder they write to replaced by one of ours.
    fn apt(&self, program: &str) -> Command {
        let folder = self.folder.display();
        let mut command = Command::new(program);
        command.env("LC_ALL", "C");
        for option in [
            format!("Dir::Etc::sourcelist={folder}/sources.list"),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            format!("Dir::State::lists={folder}/lists"),
            format!("Dir::Cache={folder}/cache"),
            "APT::Architecture=amd64".to_owned(),
            // Root would hand its downloads to a user who may not look into our folder.
            "APT::Sandbox::User=".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=3".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        command
    }
}

/// The Debian mirror of this machine's own apt sources.
fn configured() -> Result<String> {
    let format = "$(ORIGIN) $(LABEL) $(REPO_URI)";
    let lines = output(Command::new("apt-get").args(["indextargets", "--format", format]))?;
    let lines = String::from_utf8_lossy(&lines);
    let uri = lines.lines().find_map(|line| line.strip_prefix("Debian Debian "));
    let uri = uri.map(|uri| uri.trim().to_owned());
    ensure!(
        uri.is_some(),
        "this machine's apt sources name no Debian mirror whose lists are there (`apt-get update` \
         fetches them); `--mirror URI` names one"
    );
    uri.context("no mirror")
}
