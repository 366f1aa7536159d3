//! Passwords: `users_file`.
//!
//! Checking a password is slow on purpose, so it happens on threads of its own, a few at a time, and the result is
//! remembered for a minute. The password of an unknown user is checked against somebody else's hash, so that the
//! time does not reveal which names exist.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::places::{Places, network};
use super::secret::Secret;
use super::shared::Shared;
use crate::clock;
use crate::core::access::credentials::Credentials;
use crate::core::access::htpasswd::{Match, Users};
use crate::core::access::remembered::{Digest, Remembered};

/// How long a result is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many right passwords are remembered: more than people use one proxy in a minute.
const MOST_RIGHT: usize = 16 * 1024;
/// How many wrong ones. They are kept separately, so that guessing does not push out the right ones.
const MOST_WRONG: usize = 4 * 1024;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a network from which a right password came is preferred to strangers.
const PROVEN: Duration = Duration::from_secs(60 * 60);

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
    /// For those that wait, or are being checked.
    places: Places,
    /// The checks that wait or run. Equal ones are one: a page with many parts costs one check.
    asked: Shared<Digest, OnceCell<Result<(), NotBasic>>>,
    /// The networks from which a right password came.
    proven: Mutex<Remembered<()>>,
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
            places: Places::default(),
            asked: Shared::default(),
            proven: Mutex::new(Remembered::new(MOST_RIGHT)),
        }
    }

    /// Whether the request, which comes from this address, was sent by one of these users.
    pub(super) async fn check(
        &self,
        users: &Arc<Users>,
        address: Option<IpAddr>,
        headers: &HeaderMap,
    ) -> Result<(), NotBasic> {
        let Some(credentials) = Credentials::of(headers) else { return Err(NotBasic::Wrong) };
        let Credentials { name, password } = credentials;
        let number = self.number(&name);
        let Some(Match { hash, is_known }) = users.find(&name, number) else {
            return Err(NotBasic::Wrong);
        };
        let known: &[u8] = if is_known { b"user" } else { b"stranger" };
        // The hash is part of it, so that a result is void when the password changes.
        let question = self.secret.digest([known, hash.text().as_bytes(), &name, &password]);
        if let Some(result) = self.remembered(&question) {
            return result;
        }
        let asked = self.asked.hold(question, OnceCell::new);
        // If the client that began it leaves, the next one begins again.
        *asked.get_or_init(|| self.verify(users, name, password, address, question)).await
    }

    /// Checks a password, when its turn comes.
    async fn verify(
        &self,
        users: &Arc<Users>,
        name: Vec<u8>,
        password: Vec<u8>,
        address: Option<IpAddr>,
        question: Digest,
    ) -> Result<(), NotBasic> {
        let network = self.network(address);
        let is_proven = self.proven.lock().get(&network, clock::coarse()).is_some();
        let _place = self.places.take(address, is_proven).ok_or(NotBasic::Busy)?;
        let turn = self.turn().await?;
        // Another request may have found the result meanwhile.
        if let Some(result) = self.remembered(&question) {
            return result;
        }
        let (users, number) = (Arc::clone(users), self.number(&name));
        let verified = spawn_blocking(move || {
            // Held until the check is over, even if the client has left.
            let _turn = turn;
            // For an unknown name too, so that it takes as long.
            users
                .find(&name, number)
                .is_some_and(|found| found.hash.verify(&password) && found.is_known)
        });
        // A panic has been logged.
        let is_right = verified.await.unwrap_or(false);
        let now = clock::coarse();
        let list = if is_right { &self.right } else { &self.wrong };
        list.lock().put(question, (), REMEMBERED, now);
        if !is_right {
            return Err(NotBasic::Wrong);
        }
        self.proven.lock().put(network, (), PROVEN, now);
        Ok(())
    }

    /// Stands for the network of an address.
    fn network(&self, address: Option<IpAddr>) -> Digest {
        let network = network(address, 64).map(|(address, _)| address.to_string());
        self.secret.digest([&b"network"[..], network.unwrap_or_default().as_bytes()])
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
        let turn = Arc::clone(&self.turns).acquire_owned();
        match timeout(PATIENCE, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(NotBasic::Busy),
        }
    }
}
