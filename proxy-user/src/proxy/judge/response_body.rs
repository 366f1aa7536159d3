//! Inspects an answer's body while it is forwarded. Server-sent events are activity, because an app that
//! streams to a page is in use; both events and whole answers may show work.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::RequestContext;
use crate::clock;
use crate::core::event_stream::EventStream;
use crate::core::pack::{Judgement, LONGEST_ANSWER, WorkRule, work_needs};
use crate::proxy::transfer::{self, Transfer};
use crate::proxy::work::OpenRequest;
use crate::session::{App, AppPolicy};

/// An app's answer on its way to the client.
#[derive(Debug)]
pub(crate) struct InspectedResponseBody {
    body: Incoming,
    look: Option<Box<Look>>,
    transfer: Option<Arc<Transfer>>,
    /// The request is work until the answer is complete.
    _work: Option<Arc<OpenRequest>>,
}

/// What to look for.
#[derive(Debug)]
enum Look {
    Events(Stream),
    Answer(Answer),
}

#[derive(Debug)]
struct Stream {
    app: Arc<App>,
    policy: Arc<AppPolicy>,
    path: String,
    events: EventStream,
    counts: bool,
    /// Present if events may show work.
    work: Option<(OpenRequest, Vec<Arc<WorkRule>>)>,
}

/// An answer that is collected to its end.
#[derive(Debug)]
struct Answer {
    app: Arc<App>,
    rules: Vec<Arc<WorkRule>>,
    query: String,
    /// `None` = too long.
    seen: Option<Vec<u8>>,
}

impl InspectedResponseBody {
    /// An answer that is not inspected.
    pub(in crate::proxy) fn plain(body: Incoming) -> InspectedResponseBody {
        InspectedResponseBody { body, look: None, transfer: None, _work: None }
    }

    /// The answer to `context`, with these headers. Events are inspected if output counts or they may show
    /// work, and if they are readable.
    pub(in crate::proxy) fn new(
        body: Incoming,
        context: &RequestContext,
        headers: &HeaderMap,
    ) -> InspectedResponseBody {
        let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let events = media.is_some_and(|media| {
            let name = media.split(';').next().unwrap_or_default().trim();
            name.eq_ignore_ascii_case("text/event-stream")
        });
        let look = match (headers.contains_key(CONTENT_ENCODING), events) {
            (true, _) => None,
            (false, true) => Stream::new(context).map(Look::Events),
            (false, false) => Answer::new(context).map(Look::Answer),
        };
        InspectedResponseBody {
            body,
            look: look.map(Box::new),
            transfer: transfer::of_answer(context, headers, events),
            _work: context.work.clone(),
        }
    }
}

impl Stream {
    fn new(context: &RequestContext) -> Option<Stream> {
        let (policy, path) = (&context.policy, context.uri.path());
        let recognised = policy.recognised();
        let counts = context.counts_output();
        let works: Vec<_> = policy.book.event_work(path, recognised).map(Arc::clone).collect();
        if !counts && works.is_empty() {
            return None;
        }
        let needs = policy.book.event_needs(path, recognised).max(work_needs(works.iter()));
        let work = || (OpenRequest::new(&context.app, Vec::new()), works.clone());
        Some(Stream {
            app: Arc::clone(&context.app),
            policy: Arc::clone(policy),
            path: path.to_owned(),
            events: EventStream::new(needs),
            counts,
            work: (!works.is_empty()).then(work),
        })
    }

    fn look(&mut self, bytes: &[u8]) {
        let Stream { app, policy, path, events, counts, work } = self;
        events.feed(bytes, |event| {
            let now = clock::coarse();
            if let (Some((stream, rules)), true) = (&work, event.whole) {
                let mut signs = Vec::new();
                for rule in rules {
                    rule.event(stream.number, event.data, |sign| signs.push(sign));
                }
                if !signs.is_empty() {
                    app.note_work(now, signs);
                }
            }
            if !*counts {
                return;
            }
            let name = String::from_utf8_lossy(event.name);
            // No rule matches an event that is longer than rules inspect.
            let judgement = match event.whole {
                true => policy.book.event(path, &name, event.data, policy.recognised()),
                false => Judgement::Activity(None),
            };
            app.event(now, path, judgement);
        });
    }
}

impl Answer {
    fn new(context: &RequestContext) -> Option<Answer> {
        let policy = &context.policy;
        let head = context.head();
        let rules = policy.book.answer_work(&head, policy.recognised());
        let rules: Vec<_> = rules.map(Arc::clone).collect();
        (!rules.is_empty()).then(|| Answer {
            app: Arc::clone(&context.app),
            query: head.query.to_owned(),
            rules,
            seen: Some(Vec::new()),
        })
    }

    fn look(&mut self, bytes: &[u8]) {
        if let Some(seen) = &mut self.seen {
            seen.extend_from_slice(bytes);
        }
        self.seen = self.seen.take().filter(|seen| seen.len() <= LONGEST_ANSWER);
    }

    fn end(&self) {
        let mut signs = Vec::new();
        for rule in &self.rules {
            rule.answer(&self.query, self.seen.as_deref(), |sign| signs.push(sign));
        }
        if !signs.is_empty() {
            self.app.note_work(clock::coarse(), signs);
        }
    }
}

impl Body for InspectedResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let (Some(transfer), Poll::Ready(Some(Ok(_)))) = (&self.transfer, &frame) {
            transfer.moved();
        }
        if self.look.is_none() {
            return frame;
        }
        let data = match &frame {
            Poll::Ready(Some(Ok(frame))) => frame.data_ref(),
            _ => None,
        };
        let over = match &frame {
            Poll::Ready(None) => true,
            Poll::Ready(Some(frame)) => frame.is_ok() && self.body.is_end_stream(),
            Poll::Pending => false,
        };
        match (self.look.as_deref_mut(), data) {
            (Some(Look::Events(stream)), Some(data)) => stream.look(data),
            (Some(Look::Answer(answer)), Some(data)) => answer.look(data),
            _ => {}
        }
        if over && let Some(Look::Answer(answer)) = self.look.take().as_deref() {
            answer.end();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
