//! Pack files, built in or from a directory, and the rule books made from them.
//!
//! Only files are read here. The meaning of rules is in `core::pack`, the meaning of keys in `reader`.

mod builtin;
mod reader;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use thiserror::Error;

pub use reader::AUTO;

use crate::core::pack::{MAX_PACKS, Pack, RuleBook};
use crate::toml_file::{self, Mistakes, nearest};

/// Why packs cannot be read or found.
#[derive(Debug, Error)]
pub enum PacksError {
    /// The directory of pack files cannot be listed.
    #[error("cannot list the packs in {}: {error}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// A pack file has mistakes.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// There is no pack with this name.
    #[error("there is no pack \"{name}\"; {fix}")]
    Unknown {
        /// The name.
        name: String,
        /// What to write instead.
        fix: String,
    },
    /// More packs than fit one rule book.
    #[error("{0} packs at once are too many; use at most {MAX_PACKS}")]
    TooMany(usize),
}

/// A pack and its source text.
#[derive(Clone, Debug)]
pub struct PackFile {
    /// The rules.
    pub pack: Arc<Pack>,
    /// The file's text.
    pub text: Arc<str>,
    /// `None` = built in.
    pub path: Option<PathBuf>,
}

type Files = BTreeMap<String, PackFile>;

/// All packs by name.
#[derive(Clone, Debug)]
pub struct Packs {
    files: Files,
}

/// The built-in packs, read and compiled once per process.
static BUILT_IN: LazyLock<Result<Files, Mistakes>> = LazyLock::new(|| {
    let read = |(name, text): &(&str, &str)| {
        let file = PathBuf::from(format!("built-in/{name}.toml"));
        let pack = Arc::new(parse(text, &file)?);
        Ok(((*name).to_owned(), PackFile { pack, text: (*text).into(), path: None }))
    };
    builtin::FILES.iter().map(read).collect()
});

impl Packs {
    /// The built-in packs and those of `directory`, which replace built-in ones of the same name. Only files
    /// ending in `.toml` are read.
    ///
    /// # Errors
    /// If the directory cannot be listed, or every mistake in the first file that has any.
    pub fn open(directory: Option<&Path>) -> Result<Packs, PacksError> {
        let mut packs = Packs { files: BUILT_IN.clone()? };
        for path in directory.map(list).transpose()?.unwrap_or_default() {
            let text = toml_file::text(&path)?;
            packs = packs.with(&text, &path)?;
        }
        Ok(packs)
    }

    /// Adds the pack in `text`, replacing one of the same name. `file` names it in messages.
    ///
    /// # Errors
    /// Every mistake in the text.
    pub fn with(mut self, text: &str, file: &Path) -> Result<Packs, PacksError> {
        let pack = Arc::new(parse(text, file)?);
        let name = pack.name.to_string();
        self.files.insert(name, PackFile { pack, text: text.into(), path: Some(file.to_owned()) });
        Ok(self)
    }

    /// All packs, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = &PackFile> {
        self.files.values()
    }

    /// One pack.
    ///
    /// # Errors
    /// If there is none with this name.
    pub fn get(&self, name: &str) -> Result<&PackFile, PacksError> {
        self.files.get(name).ok_or_else(|| {
            let mut known: Vec<&str> = self.files.keys().map(String::as_str).collect();
            known.push(AUTO);
            let fix = match nearest(name, &known) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => format!("there are {}", known.join(", ")),
            };
            PacksError::Unknown { name: name.chars().take(80).collect(), fix }
        })
    }

    /// Whether an app can use these packs.
    ///
    /// # Errors
    /// As [`Packs::book`].
    pub fn check(&self, names: &[String]) -> Result<(), PacksError> {
        self.choose(names).map(|_| ())
    }

    /// The rule book of an app with these packs. If [`AUTO`] is among them, the book contains every pack
    /// except those that must be named explicitly. A pack then applies once its framework is recognised;
    /// named packs, and those that come `with` them, apply at once.
    ///
    /// # Errors
    /// If a name is unknown, or there are more packs than [`MAX_PACKS`].
    pub fn book(&self, names: &[String]) -> Result<RuleBook, PacksError> {
        let (chosen, pinned) = self.choose(names)?;
        Ok(RuleBook::with_pinned(chosen, pinned))
    }

    /// The rule books of apps with these packs, in this order. Apps with the same packs share a book.
    ///
    /// # Errors
    /// As [`Packs::book`].
    pub fn books<'a>(
        &self,
        apps: impl Iterator<Item = &'a [String]>,
    ) -> Result<Vec<Arc<RuleBook>>, PacksError> {
        let mut known: HashMap<&[String], Arc<RuleBook>> = HashMap::new();
        let book = |names| match known.entry(names) {
            Entry::Occupied(book) => Ok(Arc::clone(book.get())),
            Entry::Vacant(none) => {
                let book = Arc::new(self.book(names)?);
                Ok(Arc::clone(none.insert(book)))
            }
        };
        apps.map(book).collect()
    }

    /// The packs of a book, and how many of them, counted from the first, apply at once.
    fn choose(&self, names: &[String]) -> Result<(Vec<Arc<Pack>>, usize), PacksError> {
        let auto = names.iter().any(|name| name == AUTO);
        let mut chosen: Vec<Arc<Pack>> = Vec::new();
        let mut add = |pack: &Arc<Pack>| {
            if !chosen.iter().any(|one| one.name == pack.name) {
                chosen.push(pack.clone());
            }
            chosen.len()
        };
        let mut pinned = 0;
        for name in names.iter().filter(|name| *name != AUTO) {
            let pack = &self.get(name)?.pack;
            pinned = add(pack);
            for other in &pack.with {
                pinned = add(&self.get(other)?.pack);
            }
        }
        if auto {
            let shy = |file: &&PackFile| !file.pack.named_only;
            self.files.values().filter(shy).for_each(|file| _ = add(&file.pack));
        }
        if chosen.len() > MAX_PACKS {
            return Err(PacksError::TooMany(chosen.len()));
        }
        Ok((chosen, pinned))
    }
}

/// Parses a pack. `file` names it in messages; its stem must be the pack's name.
///
/// # Errors
/// Every mistake in the text at once.
pub fn parse(text: &str, file: &Path) -> Result<Pack, Mistakes> {
    reader::parse(text, file)
}

/// The pack files of a directory, ordered by name.
fn list(directory: &Path) -> Result<Vec<PathBuf>, PacksError> {
    let wrong = |error| PacksError::Directory { directory: directory.to_owned(), error };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
#[path = "packs_tests.rs"]
mod tests;
