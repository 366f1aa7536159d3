//! Idle connections to apps, kept for the next plain request. Each worker has its own pool.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::connection::{Outgoing, UpstreamConnection, UpstreamError, builder};
use crate::clock;
use crate::config::Upstream;
use crate::core::time::Nanos;

/// How long an idle connection is kept: less than the 5 s after which uvicorn and Node close theirs, so
/// that requests rarely meet the close.
const KEPT: Duration = Duration::from_secs(4);

/// A connection that is ready for a request.
#[derive(Debug)]
pub(crate) struct Ready<B: Outgoing> {
    connection: UpstreamConnection<B>,
    /// It has not been used yet.
    new: bool,
}

/// An app's answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) response: Response<Incoming>,
    /// It is a 408 on an idle connection: the app gave up the connection while our request was on its way.
    pub(crate) gave_up: bool,
}

impl<B: Outgoing> Ready<B> {
    /// A new connection.
    async fn open(app: &Upstream, headers: usize) -> Result<Ready<B>, UpstreamError> {
        let connection = UpstreamConnection::open(app, &builder(headers)).await?;
        Ok(Ready { connection, new: true })
    }
}

/// The idle connections of one worker.
#[derive(Debug)]
pub(crate) struct Pool<B: Outgoing>(Arc<Mutex<IdleConnections<B>>>);

impl<B: Outgoing> Clone for Pool<B> {
    fn clone(&self) -> Pool<B> {
        Pool(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct IdleConnections<B: Outgoing> {
    /// By the app's authority: comparing a few is faster than hashing one. Each with the time at which it
    /// became idle, the newest last.
    free: BTreeMap<Box<str>, Vec<(UpstreamConnection<B>, Nanos)>>,
    /// A task closes connections that are kept for too long.
    swept: bool,
}

impl<B: Outgoing> Pool<B> {
    pub(crate) fn new() -> Pool<B> {
        Pool(Arc::new(Mutex::new(IdleConnections { free: BTreeMap::new(), swept: false })))
    }

    /// A connection to an app: an idle one that the app is not known to have closed, or a new one.
    /// `headers`: the most lines in the head of an answer on a new one.
    pub(crate) async fn connection(
        &self,
        app: &Upstream,
        headers: usize,
    ) -> Result<Ready<B>, UpstreamError> {
        match self.take(app) {
            Some(connection) => Ok(Ready { connection, new: false }),
            // Boxed, because most requests find an idle connection.
            None => Box::pin(Ready::open(app, headers)).await,
        }
    }

    /// Sends a request over a connection from [`Pool::connection`], and again over another one if the app
    /// had closed it.
    pub(crate) async fn ask(
        &self,
        app: &Upstream,
        mut ready: Ready<B>,
        mut request: Request<B>,
        headers: usize,
    ) -> Result<Answered, UpstreamError> {
        loop {
            let Ready { connection, new } = ready;
            match connection.ask(request).await {
                Ok((response, connection)) => {
                    // This 408 closes an idle connection (RFC 9110 section 15.5.9); it does not answer our request.
                    let gave_up = !new && response.status() == StatusCode::REQUEST_TIMEOUT;
                    let response = self.carry(app, response, connection, !gave_up);
                    return Ok(Answered { response, gave_up });
                }
                Err(unanswered) => match unanswered.unsent {
                    // The app had closed this connection.
                    Some(unsent) if !new => request = unsent,
                    _ => return Err(unanswered.error.into()),
                },
            }
            ready = self.connection(app, headers).await?;
        }
    }

    /// Sends a request over a new connection.
    pub(crate) async fn ask_anew(
        &self,
        app: &Upstream,
        request: Request<B>,
        headers: usize,
    ) -> Result<Answered, UpstreamError> {
        let ready = Ready::open(app, headers).await?;
        self.ask(app, ready, request, headers).await
    }

    /// Starts a task that transfers the rest once the head of an answer has arrived. `keep`: the connection
    /// can be reused.
    fn carry(
        &self,
        app: &Upstream,
        response: Response<Incoming>,
        connection: Option<UpstreamConnection<B>>,
        keep: bool,
    ) -> Response<Incoming> {
        match connection {
            Some(mut connection) if !keep => {
                drop(tokio::spawn(async move { connection.finish().await }))
            }
            Some(connection) if connection.is_free() => self.put(app, connection),
            Some(mut connection) => {
                let (pool, app) = (self.clone(), app.clone());
                tokio::spawn(async move {
                    if connection.finish().await {
                        pool.put(&app, connection);
                    }
                });
            }
            None => {}
        }
        response
    }

    /// The connection that became idle last. The app may have closed it without that being known yet.
    fn take(&self, app: &Upstream) -> Option<UpstreamConnection<B>> {
        let now = clock::coarse();
        let mut idle = self.idle();
        let connections = idle.free.get_mut(app.authority().as_str())?;
        let verified =
            |(connection, _): &(UpstreamConnection<B>, _)| connection.is_verified_as(app);
        let index = connections.iter().rposition(verified)?;
        let (mut connection, since) = connections.remove(index);
        (now.since(since) < KEPT && connection.is_open()).then_some(connection)
    }

    fn put(&self, app: &Upstream, connection: UpstreamConnection<B>) {
        connection.leave();
        let free = (connection, clock::coarse());
        let authority = app.authority().as_str();
        let mut idle = self.idle();
        match idle.free.get_mut(authority) {
            Some(connections) => connections.push(free),
            None => drop(idle.free.insert(authority.into(), vec![free])),
        }
        if !std::mem::replace(&mut idle.swept, true) {
            tokio::spawn(sweep(self.clone()));
        }
    }

    /// Closes connections that were idle for too long, or that the app has closed. False: none is left.
    fn sweep(&self) -> bool {
        let now = clock::coarse();
        let mut idle = self.idle();
        idle.free.retain(|_, connections| {
            connections
                .retain_mut(|(connection, since)| now.since(*since) < KEPT && connection.is_open());
            !connections.is_empty()
        });
        idle.swept = !idle.free.is_empty();
        idle.swept
    }

    fn idle(&self) -> MutexGuard<'_, IdleConnections<B>> {
        // A panic elsewhere leaves the connections intact.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep<B: Outgoing>(pool: Pool<B>) {
    loop {
        tokio::time::sleep(KEPT / 4).await;
        if !pool.sweep() {
            return;
        }
    }
}
