//! Detects changes of a configuration file, or of a file that it names.
//!
//! It checks once a second instead of asking the kernel for notifications. A file may change by writing, by
//! renaming (editors), or by replacing a symbolic link two directories above (Kubernetes' ConfigMaps and
//! Secrets), and also on network and overlay file systems, where inotify(7) reports nothing. A stat(2) of
//! the path sees all of these, and a few of them a second cost nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::model::Config;
use crate::core::settled::Settled;

/// A file's state: device, inode, size, and its two times of change in nanoseconds.
type Print = (u64, u64, u64, [i64; 4]);

/// Watches a configuration file.
#[derive(Debug)]
pub struct Watch {
    file: PathBuf,
    prints: Settled<BTreeMap<PathBuf, Option<Print>>>,
}

impl Watch {
    /// Watches from now on. To be created after `config` was read, with the result of [`print`] from
    /// before.
    #[must_use]
    pub fn new(file: &Path, before: Option<Print>, config: &Config) -> Watch {
        let mut prints = prints(file, config);
        prints.insert(file.to_owned(), before);
        Watch { file: file.to_owned(), prints: Settled::new(prints) }
    }

    /// Checks for changes. True once for each change, when the files have stopped changing. `config`: the
    /// configuration in force.
    pub fn changed(&mut self, config: &Config) -> bool {
        self.prints.look(prints(&self.file, config))
    }

    /// To be called before the files are read, for any reason: their current state then no longer counts as
    /// a change.
    pub fn reading(&mut self, config: &Config) {
        self.prints = Settled::new(prints(&self.file, config));
    }

    /// Watches the files of `config` from now on. It has just been read and put in force.
    pub fn follow(&mut self, config: &Config) {
        let mut prints = prints(&self.file, config);
        // Changes during reading still count as changes.
        let before = self.prints.known();
        prints.iter_mut().for_each(|(path, print)| {
            if let Some(before) = before.get(path) {
                *print = *before;
            }
        });
        self.prints = Settled::new(prints);
    }
}

/// The file's current state; `None` = it does not exist.
#[must_use]
pub fn print(file: &Path) -> Option<Print> {
    let data = std::fs::metadata(file).ok()?;
    let times = [data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()];
    Some((data.dev(), data.ino(), data.size(), times))
}

/// The configuration, its packs, tokens, certificates with their keys, waiting pages and files of users.
fn prints(file: &Path, config: &Config) -> BTreeMap<PathBuf, Option<Print>> {
    let report_token = config.report.as_ref().and_then(|report| report.token_file.clone());
    let notify_tokens = config.notify.iter().filter_map(|notify| notify.token_file.clone());
    let tokens =
        config.admin_token_file.clone().into_iter().chain(report_token).chain(notify_tokens);
    let tls = config.tls.iter().flat_map(|tls| &tls.certificates);
    let tls = tls.flat_map(|certificate| certificate.files().map(Path::to_owned));
    let pages = config.apps.iter().filter_map(|app| Some(app.waiting_page.as_ref()?.file.clone()));
    let accesses = config.apps.iter().map(|app| &app.access).chain([&config.access]);
    let users = accesses.filter_map(|access| Some(access.users_file.as_ref()?.file.clone()));
    let upstreams = config.apps.iter().filter_map(|app| app.upstream.as_ref());
    let trusted = upstreams.filter_map(|upstream| Some(upstream.tls()?.file()?.to_owned()));
    let packs = config.pack_dir.as_deref().and_then(|directory| std::fs::read_dir(directory).ok());
    let packs = packs.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let packs = packs.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let all = std::iter::once(file.to_owned()).chain(tokens).chain(tls);
    let all = all.chain(pages).chain(users).chain(trusted).chain(packs);
    all.map(|path| (print(&path), path)).map(|(print, path)| (path, print)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_rename_and_an_exchanged_link_are_changes() {
        let folder = std::env::temp_dir().join(format!("ebbtide-watch-{}", std::process::id()));
        fs::create_dir_all(folder.join("one")).unwrap();
        fs::create_dir_all(folder.join("two")).unwrap();
        let (link, file) = (folder.join("..data"), folder.join("ebbtide.toml"));
        fs::write(folder.join("one/ebbtide.toml"), "1").unwrap();
        fs::write(folder.join("two/ebbtide.toml"), "2").unwrap();
        std::os::unix::fs::symlink("one", &link).unwrap();
        std::os::unix::fs::symlink("..data/ebbtide.toml", &file).unwrap();
        let config = Config::default();
        let mut watch = Watch::new(&file, print(&file), &config);
        assert!(!watch.changed(&config));
        std::os::unix::fs::symlink("two", folder.join("..tmp")).unwrap();
        fs::rename(folder.join("..tmp"), &link).unwrap();
        assert!(!watch.changed(&config) && watch.changed(&config) && !watch.changed(&config));
        fs::write(folder.join("new"), "3").unwrap();
        fs::rename(folder.join("new"), &file).unwrap();
        assert!(!watch.changed(&config) && watch.changed(&config) && !watch.changed(&config));
        fs::remove_dir_all(&folder).unwrap();
    }
}
