//! The authentication service: `forward_auth`. It is asked before each request, with a GET without a body, as
//! Traefik's ForwardAuth and nginx's `auth_request` do.
//!
//! If it cannot be asked, nobody passes. Its answer is reused only if it says so, and only for exactly the same
//! question.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::ServiceAnswer;
use super::places::{Network, network};
use super::secret::Secret;
use super::shared::{Held, Shared};
use crate::clock;
use crate::control_plane::{self, BodyError};
use crate::core::access::answers::fresh_for;
use crate::core::access::forwarding::{refusal, told};
use crate::core::access::remembered::{Digest, Remembered};
use crate::core::digest;
use crate::error::chain;

/// How long the whole answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an idle connection is kept: less than the 5 s after which uvicorn and Node close theirs.
const KEPT: Duration = Duration::from_secs(4);
/// How many idle connections to one service are kept.
const MOST_KEPT: usize = 64;
/// How many questions are open at a time; others wait.
const MOST_ASKED: usize = 256;
/// How many of them may come from one client's network. Its others wait for these, and not in the way of the rest.
const MOST_OF_ONE: usize = 64;
/// What counts as one client's network: IPv6 providers give their customers at least this many bits (RFC 6177).
const IPV6_BITS: u8 = 48;
/// The largest page for the client, in bytes.
const LARGEST_PAGE: usize = 1 << 20;
/// If the request passes, the answer's body is read up to this size, so that the connection can be reused.
const LARGEST_REST: usize = 64 * 1024;
/// How many answers are remembered.
const MOST_REMEMBERED: usize = 4 * 1024;
/// An answer with more bytes for the app is not remembered.
const LARGEST_REMEMBERED: usize = 4 * 1024;

/// Fields for the app.
type Told = Arc<[(HeaderName, HeaderValue)]>;

/// An answer that lets the request pass.
#[derive(Debug)]
pub(super) struct Passed {
    /// For the app.
    pub(super) told: Told,
    /// For the client.
    pub(super) cookies: Vec<HeaderValue>,
}

/// Why a request does not pass.
#[derive(Debug)]
pub(super) enum NotForwarded {
    /// The service says so.
    Answered(Box<ServiceAnswer>),
    /// The service has given no usable answer.
    Failed,
}

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it did not answer")]
    Http(#[source] reqwest::Error),
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    Slow,
    #[error("it answered {0}, which is not a final answer")]
    Interim(http::StatusCode),
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// Asks authentication services.
#[derive(Debug)]
pub(super) struct ForwardAuth {
    http: reqwest::Client,
    secret: Arc<Secret>,
    remembered: Mutex<Remembered<Told>>,
    places: Arc<Semaphore>,
    shares: Shared<Network, Arc<Semaphore>>,
    /// Failures to log together: there may be thousands a second.
    failures: Mutex<digest::Digest>,
}

impl ForwardAuth {
    pub(super) fn new(secret: Arc<Secret>) -> Result<ForwardAuth, reqwest::Error> {
        let http = control_plane::client_builder()
            .timeout(PATIENCE)
            .pool_idle_timeout(KEPT)
            .pool_max_idle_per_host(MOST_KEPT)
            .http1_title_case_headers()
            .build()?;
        Ok(ForwardAuth {
            http,
            secret,
            remembered: Mutex::new(Remembered::new(MOST_REMEMBERED)),
            places: Arc::new(Semaphore::new(MOST_ASKED)),
            shares: Shared::default(),
            failures: Mutex::default(),
        })
    }

    /// Asks the service at `url`. `client`: whose request it is about. `trusted`: the fields of its answer that are
    /// for the app.
    pub(super) async fn ask(
        &self,
        url: &str,
        client: IpAddr,
        headers: HeaderMap,
        trusted: &[HeaderName],
    ) -> Result<Passed, NotForwarded> {
        let question = self.digest(url, &headers, trusted);
        let known = self.remembered.lock().get(&question, clock::coarse()).map(Arc::clone);
        if let Some(told) = known {
            return Ok(Passed { told, cookies: Vec::new() });
        }
        let answered = timeout(PATIENCE, self.answer(url, client, headers));
        let answer = answered.await.unwrap_or(Err(Failure::Slow)).map_err(|failure| {
            self.tell(url, &failure);
            NotForwarded::Failed
        })?;
        match answer {
            Answer::Pass(answer) => Ok(self.pass(question, &answer, trusted)),
            Answer::Refuse(answer) => Err(NotForwarded::Answered(answer)),
        }
    }

    async fn answer(
        &self,
        url: &str,
        client: IpAddr,
        headers: HeaderMap,
    ) -> Result<Answer, Failure> {
        let place = self.place(client).await;
        let ask = || self.http.get(url).headers(headers.clone()).send();
        let response = match ask().await {
            // The service may have closed an idle connection just as it was used.
            Err(error) if !error.is_connect() && !error.is_timeout() => ask().await,
            response => response,
        };
        let mut response = response.map_err(|error| {
            // The URL may hold a secret in its query.
            Failure::Http(error.without_url())
        })?;
        let status = response.status();
        if status.is_success() {
            let headers = std::mem::take(response.headers_mut());
            tokio::spawn(async move {
                // The question is open until its answer has been read.
                let _place = place;
                control_plane::body_within(response, LARGEST_REST).await
            });
            return Ok(Answer::Pass(headers));
        }
        if status.is_informational() {
            return Err(Failure::Interim(status));
        }
        let mut headers = std::mem::take(response.headers_mut());
        refusal(status, &mut headers);
        let body = Bytes::from(control_plane::body_within(response, LARGEST_PAGE).await?);
        Ok(Answer::Refuse(Box::new(ServiceAnswer { status, headers, body })))
    }

    /// Waits for a place: first among the client's own questions, then among all. The semaphores are never closed.
    async fn place(&self, client: IpAddr) -> Result<Place, AcquireError> {
        let new = || Arc::new(Semaphore::new(MOST_OF_ONE));
        let share = self.shares.hold(network(Some(client), IPV6_BITS), new);
        let of_share = Arc::clone(&share).acquire_owned().await?;
        let of_all = Arc::clone(&self.places).acquire_owned().await?;
        Ok(Place { _of_all: of_all, _of_share: of_share, _share: share })
    }

    fn pass(&self, question: Digest, answer: &HeaderMap, trusted: &[HeaderName]) -> Passed {
        let told = told(answer, trusted);
        let size = |(name, value): &(HeaderName, HeaderValue)| name.as_str().len() + value.len();
        let size: usize = told.iter().map(size).sum();
        let told = Told::from(told);
        let lasts = fresh_for(answer);
        if !lasts.is_zero() && size <= LARGEST_REMEMBERED {
            self.remembered.lock().put(question, Arc::clone(&told), lasts, clock::coarse());
        }
        Passed { told, cookies: answer.get_all(SET_COOKIE).iter().cloned().collect() }
    }

    /// The digest of everything that the service is told, because its decision may depend on any of it.
    fn digest(&self, url: &str, headers: &HeaderMap, trusted: &[HeaderName]) -> Digest {
        let mut fields: Vec<_> = headers.iter().collect();
        // The order of different fields means nothing (RFC 9110 section 5.3).
        fields.sort_by_key(|(name, _)| name.as_str());
        let fields = fields.into_iter().flat_map(|(name, value)| [name.as_ref(), value.as_bytes()]);
        let trusted = trusted.iter().map(AsRef::as_ref);
        self.secret
            .digest([url.as_bytes()].into_iter().chain(trusted).chain([&[][..]]).chain(fields))
    }

    fn tell(&self, url: &str, failure: &Failure) {
        let mut failures = self.failures.lock();
        failures.add(1);
        if let Some(times) = failures.take(clock::coarse()) {
            // The query may hold a secret.
            let service = url.split(['?', '#']).next().unwrap_or_default();
            let error = chain(failure);
            tracing::warn!(service, error, times, "forward_auth cannot be asked: nobody passes");
        }
    }
}

/// The place of an open question.
struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_share: OwnedSemaphorePermit,
    _share: Held<Network, Arc<Semaphore>>,
}

/// What the service says.
enum Answer {
    /// With these header fields.
    Pass(HeaderMap),
    Refuse(Box<ServiceAnswer>),
}
