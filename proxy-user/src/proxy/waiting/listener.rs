//! The event stream of a waiting page. While the stream is open, the page keeps its place in the queue for a
//! seat.

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

/// Time between comments, which keep load balancers from closing a quiet stream.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The stream of one page.
pub(super) struct Listener {
    app: Arc<App>,
    browser: Browser,
    status: watch::Receiver<Status>,
    seats: watch::Receiver<()>,
    phase: watch::Receiver<Phase>,
    _listening: Seat,
    /// The page's place in the queue, and since when.
    place: Option<(QueuePlace, Nanos)>,
    /// The content of the last event.
    told: String,
    is_over: bool,
    holder: Holder,
    held: Option<Held>,
}

impl Listener {
    /// `holder`: of the request. The stream ends when the client closes its side.
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

    /// The current progress, then every change, until the page can open the app or the process shuts down.
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
            // An error means that the process is shutting down.
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

    /// The next event, if anything has changed since the last one.
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
            // The app was suspended while pages waited for a seat. They may open it, which starts it.
            progress.state = "running";
        }
        if std::mem::replace(&mut self.told, news.clone()) == news {
            return None;
        }
        self.is_over = progress.is_ready();
        Some(format!("data: {}\n\n", progress.json()).into())
    }

    /// How many people are ahead of this page, and since when it has waited. `None`: it can open the app now.
    fn ahead(&mut self, now: Nanos) -> Option<(usize, Nanos)> {
        if self.place.is_none() {
            self.place = self.app.seats.listen(self.browser, now).map(|place| (place, now));
        }
        let (place, since) = self.place.as_ref()?;
        Some((place.ahead()?, *since))
    }
}
