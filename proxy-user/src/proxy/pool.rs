//! Lines to apps that are free, kept for the next plain request. Each worker has a pool of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Response};
use http_body_util::{Either, Empty};
use hyper::body::Incoming;

use super::judge::InspectedRequestBody;
use super::line::{self, NoAnswer};
use crate::clock;
use crate::core::time::Nanos;

/// How long a free line is kept: less than the 5 s after which uvicorn and Node close theirs, so that a
/// request does not meet the closing.
const KEPT: Duration = Duration::from_secs(4);

/// What a plain request carries: the client's body as it comes, or none.
pub(super) type Outgoing = Either<InspectedRequestBody, Empty<Bytes>>;

type Line = line::Line<Outgoing>;

/// The free lines of one worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    /// By the app's authority, a few of which are compared sooner than one is hashed; each with the time
    /// since when it is free, the newest last.
    free: BTreeMap<Box<str>, Vec<(Line, Nanos)>>,
    /// A task sees to it that none is kept for too long.
    swept: bool,
}

impl Pool {
    /// Asks an app, over a free line or a new one, which takes answers of so many header lines. What is left to carry when the head of the answer
    /// has come is carried by a task of its own.
    pub(super) async fn ask(
        &self,
        app: &Authority,
        mut request: Request<Outgoing>,
        headers: usize,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let (response, line) = loop {
            let kept = self.take(app);
            let new = kept.is_none();
            let line = match kept {
                Some(line) => line,
                // On the heap, as most requests find a line.
                None => Box::pin(Line::open(app.as_str(), &line::builder(headers))).await?,
            };
            match line.ask(request).await {
                Ok(answered) => break answered,
                Err(unanswered) => match unanswered.unsent {
                    // The app had closed this one.
                    Some(unsent) if !new => request = unsent,
                    _ => return Err(unanswered.error.into()),
                },
            }
        };
        match line {
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
        Ok(response)
    }

    /// The line that became free last. Its app may have closed it.
    fn take(&self, app: &Authority) -> Option<Line> {
        let now = clock::coarse();
        let mut shelf = self.shelf();
        let newest = shelf.free.get_mut(app.as_str())?.pop();
        newest.filter(|(_, since)| now.since(*since) < KEPT).map(|(line, _)| line)
    }

    fn put(&self, app: &Authority, line: Line) {
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

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // A panic elsewhere leaves the lines whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(pool: Pool) {
    loop {
        tokio::time::sleep(KEPT / 4).await;
        if !pool.sweep() {
            return;
        }
    }
}
