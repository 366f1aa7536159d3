//! Password hashes: bcrypt and argon2, which are slow on purpose.

use std::fmt;

use argon2::password_hash::PasswordVerifier;
use argon2::{Algorithm, Argon2, Params, PasswordHash as Phc};
use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq;

/// bcrypt's own alphabet, without padding. Some programs leave the unused bits of the last letter set.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// How many bytes of a password bcrypt reads.
const BCRYPT_LONGEST: usize = 72;

/// The costs that are accepted. At the highest, a check takes several seconds; the lowest is the algorithm's own.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=16;

/// The most memory for one check, in KiB: 256 MiB.
const ARGON2_MEMORY: u32 = 256 * 1024;
/// The most memory times passes, in KiB: a few seconds for each check.
const ARGON2_WORK: u64 = 4 * ARGON2_MEMORY as u64;
/// The most lanes.
const ARGON2_LANES: u32 = 64;

/// `v=19`: version 1.3 (RFC 9106).
const VERSION: u32 = 19;

/// Why a text is not a usable hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// A known format that is too weak.
    #[error("is {0}, which is too easy to guess")]
    Weak(&'static str),
    /// The start of a bcrypt or argon2 hash, but not the rest.
    #[error("is not a complete {0} hash")]
    Malformed(&'static str),
    /// Each check would take many seconds or very much memory.
    #[error("has a cost that is out of range: {0}")]
    Cost(&'static str),
    /// No known format.
    #[error("is neither bcrypt nor argon2")]
    Unknown,
}

/// The hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Box<str>,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Bcrypt { cost: u32, salt: [u8; 16], output: [u8; 23] },
    Argon2(Box<Phc>),
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl PasswordHash {
    /// Reads a hash: `$2a$`, `$2b$`, `$2y$`, `$argon2id$`, `$argon2i$` or `$argon2d$`.
    ///
    /// # Errors
    /// It is another kind of hash, not a hash at all, or too costly to check for each request.
    pub fn parse(text: &str) -> Result<PasswordHash, HashError> {
        let kind = match text.strip_prefix('$').and_then(|rest| rest.split_once('$')) {
            Some(("2a" | "2b" | "2y", rest)) => bcrypt(rest)?,
            Some((name, _)) if name.starts_with("argon2") => argon2(text)?,
            _ => return Err(other(text)),
        };
        Ok(PasswordHash { text: text.into(), kind })
    }

    /// The hash as it was written. A secret: whoever has it can try passwords.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether this is the hash of this password. Takes as long as its cost says, whatever the password.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        match &self.kind {
            Kind::Bcrypt { cost, salt, output } => {
                let mut read = [0; BCRYPT_LONGEST];
                let length = password.len().min(BCRYPT_LONGEST);
                read[..length].copy_from_slice(&password[..length]);
                // A NUL ends the password, if there is room for it.
                let read = &read[..(length + 1).min(BCRYPT_LONGEST)];
                bcrypt::bcrypt(*cost, *salt, read)[..output.len()].ct_eq(output).into()
            }
            // Compares in constant time: see `phc::Output`.
            Kind::Argon2(hash) => Argon2::default().verify_password(password, &**hash).is_ok(),
        }
    }
}

/// `rest`: after `$2y$`: the cost, then 22 letters of salt and 31 of hash.
fn bcrypt(rest: &str) -> Result<Kind, HashError> {
    let malformed = HashError::Malformed("bcrypt");
    let (cost, rest) = rest.split_once('$').ok_or(malformed)?;
    let is_number = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    let cost: u32 = cost.parse().ok().filter(|_| is_number).ok_or(malformed)?;
    let (salt, output) = rest.split_at_checked(22).ok_or(malformed)?;
    let decode = |text: &str| BCRYPT_BASE64.decode(text).map_err(|_| malformed);
    let salt = decode(salt)?.try_into().map_err(|_| malformed)?;
    let output = decode(output)?.try_into().map_err(|_| malformed)?;
    if !BCRYPT_COSTS.contains(&cost) {
        return Err(HashError::Cost("bcrypt takes 4 to 16"));
    }
    Ok(Kind::Bcrypt { cost, salt, output })
}

fn argon2(text: &str) -> Result<Kind, HashError> {
    let malformed = HashError::Malformed("argon2");
    let hash = Phc::new(text).map_err(|_| malformed)?;
    Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| malformed)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(malformed);
    }
    if hash.version != Some(VERSION) {
        return Err(HashError::Weak("argon2 before version 1.3"));
    }
    let params = Params::try_from(&hash).map_err(|_| malformed)?;
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    if params.m_cost() > ARGON2_MEMORY || work > ARGON2_WORK || params.p_cost() > ARGON2_LANES {
        return Err(HashError::Cost(
            "argon2 takes m up to 262144, m times t up to 1048576, p up to 64",
        ));
    }
    // The secret key and the associated data of other programs are not known here.
    if !params.keyid().is_empty() || !params.data().is_empty() {
        return Err(malformed);
    }
    Ok(Kind::Argon2(Box::new(hash)))
}

/// What is wrong with a text that is neither bcrypt nor argon2.
fn other(text: &str) -> HashError {
    let is_des = || {
        text.len() == 13
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte))
    };
    let known = [
        ("$apr1$", "Apache's MD5"),
        ("$1$", "MD5"),
        ("{SHA}", "SHA-1 without a salt"),
        ("{SSHA}", "SHA-1"),
        ("$5$", "SHA-256 crypt"),
        ("$6$", "SHA-512 crypt"),
        ("$2x$", "a faulty variant of bcrypt"),
        ("$2$", "an old variant of bcrypt"),
    ];
    match known.iter().find(|(start, _)| text.starts_with(start)) {
        Some((_, name)) => HashError::Weak(name),
        None if is_des() => HashError::Weak("DES crypt"),
        None => HashError::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Apache's htpasswd, libxcrypt, and the reference implementation of argon2.
    const GOOD: [(&str, &str); 6] = [
        ("$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe", "password"),
        ("$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", ""),
        ("$2b$04$abcdefghijklmnopqrstuuF7KK/SfP9IRGj0pPJMr8GdtCS8xpmpC", "p\u{e4}ss"),
        (
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "password",
        ),
        (
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "password",
        ),
        (
            "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E",
            "password",
        ),
    ];

    #[test]
    fn only_the_whole_password_opens() {
        for (text, password) in GOOD {
            let hash = PasswordHash::parse(text).unwrap();
            assert!(hash.verify(password.as_bytes()), "{text}");
            let longer = format!("{password}x");
            for wrong in [&longer, "wrong", &password.to_uppercase()] {
                assert_eq!(hash.verify(wrong.as_bytes()), wrong == password, "{text} {wrong}");
            }
            assert_eq!(format!("{hash:?} {}", hash.text()), format!("PasswordHash(…) {text}"));
        }
    }

    /// By libxcrypt, from 80 times x.
    #[test]
    fn bcrypt_reads_72_bytes() {
        let hash = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
        let hash = PasswordHash::parse(hash).unwrap();
        let opens = [71, 72, 80].map(|length| hash.verify("x".repeat(length).as_bytes()));
        assert_eq!(opens, [false, true, true]);
    }

    #[test]
    fn what_else_stands_in_such_files_is_named() {
        for (text, error) in [
            ("$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", HashError::Weak("Apache's MD5")),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", HashError::Weak("SHA-1 without a salt")),
            ("$6$salt$x", HashError::Weak("SHA-512 crypt")),
            ("rqXexS6ZhobKA", HashError::Weak("DES crypt")),
            (
                "$2x$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe",
                HashError::Weak("a faulty variant of bcrypt"),
            ),
            ("password", HashError::Unknown),
            ("", HashError::Unknown),
            ("$", HashError::Unknown),
            (
                "$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFp",
                HashError::Malformed("bcrypt"),
            ),
            (
                "$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpee",
                HashError::Malformed("bcrypt"),
            ),
            (
                "$2y$+5$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe",
                HashError::Malformed("bcrypt"),
            ),
            (
                "$2y$5$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe",
                HashError::Malformed("bcrypt"),
            ),
            ("$2y$05$éééééééééééééééééééééééééé", HashError::Malformed("bcrypt")),
            ("$2y$", HashError::Malformed("bcrypt")),
            ("$argon2id$", HashError::Malformed("argon2")),
            (
                "$argon2x$v=19$m=64,t=1,p=1$c29tZXNhbHQ$RMbsgPn4m3jiI0yqEBfKLw",
                HashError::Malformed("argon2"),
            ),
            (
                "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$RMbsgPn4m3jiI0yqEBfKLw",
                HashError::Weak("argon2 before version 1.3"),
            ),
            (
                "$argon2id$m=64,t=1,p=1$c29tZXNhbHQ$RMbsgPn4m3jiI0yqEBfKLw",
                HashError::Weak("argon2 before version 1.3"),
            ),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ", HashError::Malformed("argon2")),
            (
                "$argon2id$v=19$m=64,t=1,p=1,data=AAAA$c29tZXNhbHQ$RMbsgPn4m3jiI0yqEBfKLw",
                HashError::Malformed("argon2"),
            ),
            (
                "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$RMbsgPn4m3jiI0yqEBfKLw",
                HashError::Malformed("argon2"),
            ),
        ] {
            assert_eq!(PasswordHash::parse(text), Err(error), "{text}");
        }
        for text in [
            "$2y$31$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe",
            "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$RMbsgPn4m3jiI0yqEBfKLw",
            "$argon2id$v=19$m=262144,t=99,p=1$c29tZXNhbHQ$RMbsgPn4m3jiI0yqEBfKLw",
        ] {
            let error = PasswordHash::parse(text).unwrap_err();
            assert!(matches!(error, HashError::Cost(_)), "{text}: {error}");
        }
    }
}
