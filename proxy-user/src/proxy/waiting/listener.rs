//! A page that is told how far its app is by server-sent events. The stream is the page's place in the queue
//! for a seat.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use tokio::sync::watch;

use super::progress::Progress;
use crate::clock;
use crate::core::seat_queue::Browser;
use crate::core::time::Nanos;
use crate::http::timed::{Held, Holder};
use crate::serving::{Phase, Serving};
use crate::session::{App, QueuePlace, Seat, Status};

/// Comments keep load balancers from cutting a quiet stream.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// One page.
pub(super) struct Listener {
    app: Arc<App>,
    browser: Browser,
    status: watch::Receiver<Status>,
    seats: watch::Receiver<()>,
    phase: watch::Receiver<Phase>,
    _listening: Seat,
    /// Its place in the queue, and since when it has it.
    place: Option<(QueuePlace, Nanos)>,
    /// What it was told last.
    told: String,
    is_over: bool,
    holder: Holder,
    held: Option<Held>,
}

impl Listener {
    /// `holder`: of the request, whose client gives its place back by closing its side.
    pub(super) fn new(
        app: &Arc<App>,
        serving: &Serving,
        browser: Browser,
        listening: Seat,
        holder: Holder,
    ) -> Listener {
        Listener {
            app: Arc::clone(app),
            browser,
            status: app.life.watch(),
            seats: app.seats.watch(),
            phase: serving.phase.subscribe(),
            _listening: listening,
            place: None,
            told: String::new(),
            is_over: false,
            holder,
            held: None,
        }
    }

    /// How far the app is now, and each change, until it can be opened or the process leaves.
    pub(super) fn events(self) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
        stream::unfold(self, |mut listener| async {
            let text = listener.next().await?;
            Some((Ok(Frame::data(text)), listener))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        self.held.get_or_insert_with(|| self.holder.hold());
        let mut heartbeat = pin!(tokio::time::sleep(HEARTBEAT));
        loop {
            if let Some(event) = self.event() {
                return Some(event);
            }
            // An error means that the process is going away.
            let leaving = async { _ = self.phase.wait_for(|phase| *phase != Phase::Running).await };
            tokio::select! {
                biased;
                () = leaving => return None,
                changed = self.status.changed() => changed.ok()?,
                changed = self.seats.changed() => changed.ok()?,
                () = heartbeat.as_mut() => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }

    /// What has not been told yet.
    fn event(&mut self) -> Option<Bytes> {
        let now = clock::now();
        self.seats.borrow_and_update();
        let status = self.status.borrow_and_update().clone();
        let policy = self.app.policy();
        let mut progress = Progress::of(&status, &policy.config, now);
        let mut news = format!("{:?}", (progress.state, status.since));
        if progress.is_ready() {
            if let Some((ahead, since)) = self.ahead(now) {
                progress = Progress::full(ahead, now.since(since).as_secs());
                news = format!("{ahead}");
            }
        } else if self.place.is_some() {
            // It was suspended under those who wait for a seat. They come in, and start it by that.
            progress.state = "running";
        }
        if std::mem::replace(&mut self.told, news.clone()) == news {
            return None;
        }
        self.is_over = progress.is_ready();
        Some(format!("data: {}\n\n", progress.json()).into())
    }

    /// How many wait for a seat before this page, and since when it does; `None` = it can come in.
    fn ahead(&mut self, now: Nanos) -> Option<(usize, Nanos)> {
        if self.place.is_none() {
            self.place = self.app.seats.listen(self.browser, now).map(|place| (place, now));
        }
        let (place, since) = self.place.as_ref()?;
        Some((place.ahead()?, *since))
    }
}
