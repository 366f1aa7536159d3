//! Lines to apps that are free, kept for the next plain request. Each worker has a pool of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::uri::Authority;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::connection::{Line, NoAnswer, Outgoing, builder};
use crate::clock;
use crate::core::time::Nanos;

/// How long a free line is kept: less than the 5 s after which uvicorn and Node close theirs, so that a
/// request does not meet the closing.
const KEPT: Duration = Duration::from_secs(4);

/// A line that is about to be asked over.
#[derive(Debug)]
pub(crate) struct Ready<B: Outgoing> {
    line: Line<B>,
    /// It has carried nothing yet.
    new: bool,
}

/// An app's answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) response: Response<Incoming>,
    /// It came over a line that was free before, and says that no request came (408). The app sent it as
    /// ours was on its way.
    pub(crate) gave_up: bool,
}

impl<B: Outgoing> Ready<B> {
    /// A new line.
    async fn open(app: &Authority, headers: usize) -> Result<Ready<B>, NoAnswer> {
        let line = Line::open(app.as_str(), &builder(headers)).await?;
        Ok(Ready { line, new: true })
    }
}

/// The free lines of one worker.
#[derive(Debug)]
pub(crate) struct Pool<B: Outgoing>(Arc<Mutex<Shelf<B>>>);

impl<B: Outgoing> Clone for Pool<B> {
    fn clone(&self) -> Pool<B> {
        Pool(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shelf<B: Outgoing> {
    /// By the app's authority, a few of which are compared sooner than one is hashed; each with the time
    /// since when it is free, the newest last.
    free: BTreeMap<Box<str>, Vec<(Line<B>, Nanos)>>,
    /// A task sees to it that none is kept for too long.
    swept: bool,
}

impl<B: Outgoing> Pool<B> {
    pub(crate) fn new() -> Pool<B> {
        Pool(Arc::new(Mutex::new(Shelf { free: BTreeMap::new(), swept: false })))
    }

    /// A line to an app: a free one that the app has not closed as far as is known, or a new one.
    /// `headers`: most lines of an answer that a new one takes.
    pub(crate) async fn line(&self, app: &Authority, headers: usize) -> Result<Ready<B>, NoAnswer> {
        match self.take(app) {
            Some(line) => Ok(Ready { line, new: false }),
            // On the heap, as most requests find a line.
            None => Box::pin(Ready::open(app, headers)).await,
        }
    }

    /// Asks an app over a line of [`Pool::line`], and over another one where the app had closed it.
    pub(crate) async fn ask(
        &self,
        app: &Authority,
        mut ready: Ready<B>,
        mut request: Request<B>,
        headers: usize,
    ) -> Result<Answered, NoAnswer> {
        loop {
            let Ready { line, new } = ready;
            match line.ask(request).await {
                Ok((response, line)) => {
                    // Such an answer is to no request: what comes on the line is the answer to ours.
                    let gave_up = !new && response.status() == StatusCode::REQUEST_TIMEOUT;
                    let response = self.carry(app, response, line, !gave_up);
                    return Ok(Answered { response, gave_up });
                }
                Err(unanswered) => match unanswered.unsent {
                    // The app had closed this one.
                    Some(unsent) if !new => request = unsent,
                    _ => return Err(unanswered.error.into()),
                },
            }
            ready = self.line(app, headers).await?;
        }
    }

    /// Asks an app over a new line.
    pub(crate) async fn ask_anew(
        &self,
        app: &Authority,
        request: Request<B>,
        headers: usize,
    ) -> Result<Answered, NoAnswer> {
        let ready = Ready::open(app, headers).await?;
        self.ask(app, ready, request, headers).await
    }

    /// Has a task of its own carry what is left when the head of an answer has come. `keep`: the line
    /// is good for more.
    fn carry(
        &self,
        app: &Authority,
        response: Response<Incoming>,
        line: Option<Line<B>>,
        keep: bool,
    ) -> Response<Incoming> {
        match line {
            Some(mut line) if !keep => drop(tokio::spawn(async move { line.finish().await })),
            Some(line) if line.is_free() => self.put(app, line),
            Some(mut line) => {
                let (pool, app) = (self.clone(), app.clone());
                tokio::spawn(async move {
                    if line.finish().await {
                        pool.put(&app, line);
                    }
                });
            }
            None => {}
        }
        response
    }

    /// The line that became free last. That its app has closed it may not be known yet.
    fn take(&self, app: &Authority) -> Option<Line<B>> {
        let now = clock::coarse();
        let mut shelf = self.shelf();
        let (mut line, since) = shelf.free.get_mut(app.as_str())?.pop()?;
        (now.since(since) < KEPT && line.is_open()).then_some(line)
    }

    fn put(&self, app: &Authority, line: Line<B>) {
        line.leave();
        let free = (line, clock::coarse());
        let mut shelf = self.shelf();
        match shelf.free.get_mut(app.as_str()) {
            Some(lines) => lines.push(free),
            None => drop(shelf.free.insert(app.as_str().into(), vec![free])),
        }
        if !std::mem::replace(&mut shelf.swept, true) {
            tokio::spawn(sweep(self.clone()));
        }
    }

    /// Closes lines that were kept for long enough, or that their app has closed. False: none is left.
    fn sweep(&self) -> bool {
        let now = clock::coarse();
        let mut shelf = self.shelf();
        shelf.free.retain(|_, lines| {
            lines.retain_mut(|(line, since)| now.since(*since) < KEPT && line.is_open());
            !lines.is_empty()
        });
        shelf.swept = !shelf.free.is_empty();
        shelf.swept
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<B>> {
        // A panic elsewhere leaves the lines whole.
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
