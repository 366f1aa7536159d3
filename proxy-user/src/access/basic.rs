//! Passwords: `users_file`.
//!
//! Checking one takes long on purpose, so it happens on threads of its own, a few at a time, and the result is
//! remembered for a minute. A user whom the file does not have is checked against somebody else's hash, so that
//! the time tells nobody which names there are.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::secret::Secret;
use crate::clock;
use crate::core::access::credentials::Credentials;
use crate::core::access::htpasswd::{Match, Users};
use crate::core::access::remembered::{Digest, Remembered};

/// How long a result is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Right passwords: more people than use one proxy in a minute.
const MOST_RIGHT: usize = 16 * 1024;
/// Wrong ones. Apart from the right ones, so that guessing does not push those out.
const MOST_WRONG: usize = 4 * 1024;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many requests wait.
const MOST_WAITING: usize = 256;

/// Why a request has not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotBasic {
    /// No password, or a wrong one.
    Wrong,
    /// Too many others are being checked.
    Busy,
}

/// Checks passwords.
#[derive(Debug)]
pub(super) struct Basic {
    secret: Arc<Secret>,
    right: Mutex<Remembered<()>>,
    wrong: Mutex<Remembered<()>>,
    /// One for each check that may run.
    turns: Arc<Semaphore>,
    /// One for each request that may wait.
    places: Semaphore,
}

impl Basic {
    pub(super) fn new(secret: Arc<Secret>) -> Basic {
        // Half of the cores: the other half serves those who have signed in.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Basic {
            secret,
            right: Mutex::new(Remembered::new(MOST_RIGHT)),
            wrong: Mutex::new(Remembered::new(MOST_WRONG)),
            turns: Arc::new(Semaphore::new(cores.div_ceil(2))),
            places: Semaphore::new(MOST_WAITING),
        }
    }

    /// Whether the request is from one of these users.
    pub(super) async fn check(
        &self,
        users: &Arc<Users>,
        headers: &HeaderMap,
    ) -> Result<(), NotBasic> {
        let Some(credentials) = Credentials::of(headers) else { return Err(NotBasic::Wrong) };
        let Credentials { name, password } = credentials;
        let number = self.number(&name);
        let Some(Match { hash, is_known }) = users.find(&name, number) else {
            return Err(NotBasic::Wrong);
        };
        let known: &[u8] = if is_known { b"user" } else { b"stranger" };
        // With the hash in it, so that a changed password is not remembered.
        let question = self.secret.digest([known, hash.text().as_bytes(), &name, &password]);
        if let Some(result) = self.remembered(&question) {
            return result;
        }
        let turn = self.turn().await?;
        // Another request may have brought the result meanwhile.
        if let Some(result) = self.remembered(&question) {
            return result;
        }
        let (users, name) = (Arc::clone(users), name);
        let verified = spawn_blocking(move || {
            // Held until the check is over, even if the client has left.
            let _turn = turn;
            users.find(&name, number).is_some_and(|found| found.hash.verify(&password))
        });
        // A panic has been logged.
        let is_right = verified.await.unwrap_or(false) && is_known;
        let now = clock::coarse();
        let list = if is_right { &self.right } else { &self.wrong };
        list.lock().put(question, (), REMEMBERED, now);
        if is_right { Ok(()) } else { Err(NotBasic::Wrong) }
    }

    /// A secret number that is always the same for this name.
    fn number(&self, name: &[u8]) -> u64 {
        let digest = self.secret.digest([&b"name"[..], name]);
        digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    fn remembered(&self, question: &Digest) -> Option<Result<(), NotBasic>> {
        let now = clock::coarse();
        if self.right.lock().get(question, now).is_some() {
            return Some(Ok(()));
        }
        self.wrong.lock().get(question, now).map(|()| Err(NotBasic::Wrong))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, NotBasic> {
        let _place = self.places.try_acquire().map_err(|_| NotBasic::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned();
        match timeout(PATIENCE, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(NotBasic::Busy),
        }
    }
}
