//! Passwords: `users_file`.
//!
//! Checking a password is slow on purpose, so it happens on threads of its own, a few at a time, and the result is
//! remembered for a minute. The password of an unknown user is checked against somebody else's hash, so that the
//! time does not reveal which names exist.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
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
/// How many right passwords are remembered: more than people use one proxy in a minute.
const MOST_RIGHT: usize = 16 * 1024;
/// How many wrong ones. They are kept separately, so that guessing does not push out the right ones.
const MOST_WRONG: usize = 4 * 1024;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many requests wait, or are being checked.
const MOST_WAITING: usize = 256;
/// How many of them may come from one address, so that somebody who guesses does not keep others out.
const MOST_OF_ONE: usize = 64;

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
    /// The addresses of those who wait.
    waiting: Mutex<HashMap<Option<IpAddr>, usize>>,
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
            waiting: Mutex::default(),
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
        let _place = Place::take(&self.waiting, address.map(network))?;
        let turn = self.turn().await?;
        // Another request may have found the result meanwhile.
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
        let turn = Arc::clone(&self.turns).acquire_owned();
        match timeout(PATIENCE, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(NotBasic::Busy),
        }
    }
}

/// A request that waits. Gives its place back when it is dropped.
#[derive(Debug)]
struct Place<'a> {
    waiting: &'a Mutex<HashMap<Option<IpAddr>, usize>>,
    address: Option<IpAddr>,
}

impl<'a> Place<'a> {
    fn take(
        waiting: &'a Mutex<HashMap<Option<IpAddr>, usize>>,
        address: Option<IpAddr>,
    ) -> Result<Place<'a>, NotBasic> {
        let mut counts = waiting.lock();
        let all: usize = counts.values().sum();
        let of_one = counts.get(&address).copied().unwrap_or(0);
        if all >= MOST_WAITING || of_one >= MOST_OF_ONE {
            return Err(NotBasic::Busy);
        }
        counts.insert(address, of_one + 1);
        Ok(Place { waiting, address })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut counts = self.waiting.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// The part of an address that stands for one client: for IPv6 the first 64 bits, because a client may use any
/// address of its network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_leaves_room_for_others() {
        let waiting = Mutex::default();
        let take = |address: &str| Place::take(&waiting, Some(network(address.parse().unwrap())));
        let mut places: Vec<_> = (0..MOST_OF_ONE).map(|_| take("2001:db8::1").unwrap()).collect();
        assert_eq!(take("2001:db8::2:1").unwrap_err(), NotBasic::Busy);
        places.push(take("2001:db8:0:1::1").unwrap());
        places.pop();
        for last in 1..4 {
            places.extend((0..MOST_OF_ONE).map(|_| take(&format!("10.0.0.{last}")).unwrap()));
        }
        assert_eq!(take("10.0.0.9").unwrap_err(), NotBasic::Busy);
        drop(places);
        assert!(take("10.0.0.9").is_ok() && waiting.lock().is_empty());
    }
}
