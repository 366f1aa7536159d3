//! The users of an app: a file of lines `NAME:HASH`, as Apache's `htpasswd -B` writes it.

use std::collections::HashMap;
use std::fmt;

use super::password::{HashError, PasswordHash};

/// A mistake in such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HtpasswdMistake {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with the line.
    pub why: Why,
}

/// What is wrong. Never quotes the line, which may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// No colon.
    #[error("the line is not NAME:HASH")]
    NoColon,
    /// It is empty, or has a control character.
    #[error("the user's name is not valid")]
    Name,
    /// Another line has this user.
    #[error("this user is already on line {0}")]
    Again(usize),
    /// The hash cannot be used.
    #[error("the hash {0}")]
    Hash(HashError),
    /// Nobody could sign in.
    #[error("the file has no users")]
    NoUsers,
}

impl Why {
    /// What to do about it.
    #[must_use]
    pub fn fix(self) -> &'static str {
        match self {
            Why::NoColon
            | Why::Hash(HashError::Weak(_) | HashError::Malformed(_) | HashError::Unknown) => {
                "write NAME:HASH, as `htpasswd -B` does (bcrypt), or with a hash of argon2"
            }
            Why::Hash(HashError::Cost(_)) => "make the hash again with another cost",
            Why::Name => "write a name without control characters",
            Why::Again(_) => "remove one of the two",
            Why::NoUsers => "add a line NAME:HASH, as `htpasswd -B` does",
        }
    }
}

/// Names and the hashes of their passwords. Never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Users {
    by_name: HashMap<Box<[u8]>, usize>,
    hashes: Vec<PasswordHash>,
}

/// The hash to check a password against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// The user's, or another user's.
    pub hash: &'a PasswordHash,
    /// False: there is no such user, and the result of the check must be ignored.
    pub is_known: bool,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Users({})", self.hashes.len())
    }
}

impl Users {
    /// Reads a file. Empty lines and those that begin with `#` are skipped.
    ///
    /// # Errors
    /// All mistakes at once, at least one, in order of lines.
    pub fn parse(text: &str) -> Result<Users, Vec<HtpasswdMistake>> {
        let (mut by_name, mut hashes, mut mistakes) = (HashMap::new(), Vec::new(), Vec::new());
        let mut lines: HashMap<&str, usize> = HashMap::new();
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim_end();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            match user(content, &lines) {
                Ok((name, hash)) => {
                    lines.insert(name, line);
                    by_name.insert(name.as_bytes().into(), hashes.len());
                    hashes.push(hash);
                }
                Err(why) => mistakes.push(HtpasswdMistake { line, why }),
            }
        }
        if hashes.is_empty() && mistakes.is_empty() {
            mistakes.push(HtpasswdMistake { line: 1, why: Why::NoUsers });
        }
        if mistakes.is_empty() { Ok(Users { by_name, hashes }) } else { Err(mistakes) }
    }

    /// How many there are.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The hash for a name. For an unknown name it is that of some user, chosen by `number`, so that the check
    /// takes as long as for a known one. `number` must be secret, and the same for the same name.
    #[must_use]
    pub fn find(&self, name: &[u8], number: u64) -> Option<Match<'_>> {
        let known = self.by_name.get(name).copied();
        let count = u64::try_from(self.hashes.len()).unwrap_or(u64::MAX);
        let place = || usize::try_from(number.checked_rem(count)?).ok();
        let hash = self.hashes.get(known.or_else(place)?)?;
        Some(Match { hash, is_known: known.is_some() })
    }
}

fn user<'a>(line: &'a str, lines: &HashMap<&str, usize>) -> Result<(&'a str, PasswordHash), Why> {
    let (name, hash) = line.split_once(':').ok_or(Why::NoColon)?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Why::Name);
    }
    if let Some(first) = lines.get(name) {
        return Err(Why::Again(*first));
    }
    Ok((name, PasswordHash::parse(hash).map_err(Why::Hash)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANN: &str = "$2y$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG";

    #[test]
    fn every_mistake_has_its_line() {
        let text = format!(
            "# users\n\nann:{ANN}\r\nno colon\n:{ANN}\nann:{ANN}\nbob:secret\nb\u{1}:{ANN}\n\
             eve:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00\nzoe:{ANN}:x\n"
        );
        let mistakes = Users::parse(&text).unwrap_err();
        let told: Vec<_> = mistakes.iter().map(|mistake| (mistake.line, mistake.why)).collect();
        assert_eq!(
            told,
            [
                (4, Why::NoColon),
                (5, Why::Name),
                (6, Why::Again(3)),
                (7, Why::Hash(HashError::Unknown)),
                (8, Why::Name),
                (9, Why::Hash(HashError::Weak("Apache's MD5"))),
                (10, Why::Hash(HashError::Malformed("bcrypt"))),
            ]
        );
        assert_eq!(Users::parse("# nobody\n").unwrap_err()[0].why, Why::NoUsers);
    }

    #[test]
    fn a_stranger_is_checked_against_somebody() {
        let users = Users::parse(&format!("ann:{ANN}\nb b:{ANN}\n")).unwrap();
        assert_eq!(users.len(), 2);
        for (name, number, is_known) in
            [("ann", 7, true), ("b b", 0, true), ("eve", 7, false), ("", 8, false)]
        {
            let found = users.find(name.as_bytes(), number).unwrap();
            assert_eq!((found.is_known, found.hash.text()), (is_known, ANN), "{name}");
        }
        assert_eq!(format!("{users:?}"), "Users(2)");
    }

    proptest! {
        /// Whatever the file says: users or mistakes, and each mistake on a line that is there.
        #[test]
        fn any_text_is_read(text in "([a-c#:$ ]{0,9}|ann:\\$2y\\$0[0-9]\\$[a-z]{50,55}|\\PC{0,20}|\n|\r\n){0,30}") {
            match Users::parse(&text) {
                Ok(users) => prop_assert!(users.len() > 0),
                Err(mistakes) => {
                    prop_assert!(!mistakes.is_empty());
                    let lines = text.lines().count().max(1);
                    prop_assert!(mistakes.iter().all(|mistake| (1..=lines).contains(&mistake.line)));
                }
            }
        }
    }
}
