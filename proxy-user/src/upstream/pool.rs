//! Connections to apps that are free, kept for the next plain request. Each worker has a pool of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::uri::Authority;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::connection::{Outgoing, UpstreamConnection, UpstreamError, builder};
use crate::clock;
use crate::core::time::Nanos;

/// How long a free connection is kept: less than the 5 s after which uvicorn and Node close theirs, so
/// that a request does not meet the closing.
const KEPT: Duration = Duration::from_secs(4);

/// A connection that is about to be asked over.
#[derive(Debug)]
pub(crate) struct Ready<B: Outgoing> {
    connection: UpstreamConnection<B>,
    /// It has carried nothing yet.
    new: bool,
}

/// An app's answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) response: Response<Incoming>,
    /// It came over a connection that was free before, and says that no request came (408). The app sent
    /// it as ours was on its way.
    pub(crate) gave_up: bool,
}

impl<B: Outgoing> Ready<B> {
    /// A new connection.
    async fn open(app: &Authority, headers: usize) -> Result<Ready<B>, UpstreamError> {
        let connection = UpstreamConnection::open(app.as_str(), &builder(headers)).await?;
        Ok(Ready { connection, new: true })
    }
}

/// The free connections of one worker.
#[derive(Debug)]
pub(crate) struct Pool<B: Outgoing>(Arc<Mutex<IdleConnections<B>>>);

impl<B: Outgoing> Clone for Pool<B> {
    fn clone(&self) -> Pool<B> {
        Pool(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct IdleConnections<B: Outgoing> {
    /// By the app's authority, a few of which are compared sooner than one is hashed; each with the time
    /// since when it is free, the newest last.
    free: BTreeMap<Box<str>, Vec<(UpstreamConnection<B>, Nanos)>>,
    /// A task sees to it that none is kept for too long.
    swept: bool,
}

impl<B: Outgoing> Pool<B> {
    pub(crate) fn new() -> Pool<B> {
        Pool(Arc::new(Mutex::new(IdleConnections { free: BTreeMap::new(), swept: false })))
    }

    /// A connection to an app: a free one that the app has not closed as far as is known, or a new one.
    /// `headers`: most lines of an answer that a new one takes.
    pub(crate) async fn connection(
        &self,
        app: &Authority,
        headers: usize,
    ) -> Result<Ready<B>, UpstreamError> {
        match self.take(app) {
            Some(connection) => Ok(Ready { connection, new: false }),
            // On the heap, as most requests find a connection.
            None => Box::pin(Ready::open(app, headers)).await,
        }
    }

    /// Asks an app over a connection of [`Pool::connection`], and over another one where the app had
    /// closed it.
    pub(crate) async fn ask(
        &self,
        app: &Authority,
        mut ready: Ready<B>,
        mut request: Request<B>,
        headers: usize,
    ) -> Result<Answered, UpstreamError> {
        loop {
            let Ready { connection, new } = ready;
            match connection.ask(request).await {
                Ok((response, connection)) => {
                    // Such an answer is to no request: what comes on the connection is the answer to
                    // ours.
                    let gave_up = !new && response.status() == StatusCode::REQUEST_TIMEOUT;
                    let response = self.carry(app, response, connection, !gave_up);
                    return Ok(Answered { response, gave_up });
                }
                Err(unanswered) => match unanswered.unsent {
                    // The app had closed this one.
                    Some(unsent) if !new => request = unsent,
                    _ => return Err(unanswered.error.into()),
                },
            }
            ready = self.connection(app, headers).await?;
        }
    }

    /// Asks an app over a new connection.
    pub(crate) async fn ask_anew(
        &self,
        app: &Authority,
        request: Request<B>,
        headers: usize,
    ) -> Result<Answered, UpstreamError> {
        let ready = Ready::open(app, headers).await?;
        self.ask(app, ready, request, headers).await
    }

    /// Has a task of its own carry what is left when the head of an answer has come. `keep`: the
    /// connection is good for more.
    fn carry(
        &self,
        app: &Authority,
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

    /// The connection that became free last. That its app has closed it may not be known yet.
    fn take(&self, app: &Authority) -> Option<UpstreamConnection<B>> {
        let now = clock::coarse();
        let mut idle = self.idle();
        let (mut connection, since) = idle.free.get_mut(app.as_str())?.pop()?;
        (now.since(since) < KEPT && connection.is_open()).then_some(connection)
    }

    fn put(&self, app: &Authority, connection: UpstreamConnection<B>) {
        connection.leave();
        let free = (connection, clock::coarse());
        let mut idle = self.idle();
        match idle.free.get_mut(app.as_str()) {
            Some(connections) => connections.push(free),
            None => drop(idle.free.insert(app.as_str().into(), vec![free])),
        }
        if !std::mem::replace(&mut idle.swept, true) {
            tokio::spawn(sweep(self.clone()));
        }
    }

    /// Closes connections that were kept for long enough, or that their app has closed. False: none is
    /// left.
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
        // A panic elsewhere leaves the connections whole.
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
