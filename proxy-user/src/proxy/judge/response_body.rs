//! An answer's body in which server-sent events are activity while they pass: an app that streams to a
//! page is at work.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::RequestContext;
use crate::clock;
use crate::core::event_stream::EventStream;
use crate::core::pack::Judgement;
use crate::session::{App, AppPolicy};

/// An app's answer on its way to the client.
#[derive(Debug)]
pub(crate) struct InspectedResponseBody {
    body: Incoming,
    stream: Option<Box<Stream>>,
}

#[derive(Debug)]
struct Stream {
    app: Arc<App>,
    policy: Arc<AppPolicy>,
    path: String,
    events: EventStream,
}

impl InspectedResponseBody {
    /// An answer in which nothing is looked for.
    pub(in crate::proxy) fn plain(body: Incoming) -> InspectedResponseBody {
        InspectedResponseBody { body, stream: None }
    }

    /// The answer to `context`, with these headers. Events are looked for where output counts and they
    /// can be read.
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
        let policy = &context.policy;
        let counts = policy.counts_output(policy.book.counts_output(policy.recognised()));
        if !events || !counts || headers.contains_key(CONTENT_ENCODING) {
            return InspectedResponseBody::plain(body);
        }
        let path = context.uri.path().to_owned();
        let needs = policy.book.event_needs(&path, policy.recognised());
        let events = EventStream::new(needs);
        let (app, policy) = (Arc::clone(&context.app), Arc::clone(policy));
        InspectedResponseBody { body, stream: Some(Box::new(Stream { app, policy, path, events })) }
    }
}

impl Stream {
    fn look(&mut self, bytes: &[u8]) {
        let Stream { app, policy, path, events } = self;
        events.feed(bytes, |event| {
            let now = clock::coarse();
            let name = String::from_utf8_lossy(event.name);
            // What is longer than any rule looks at is known to none.
            let judgement = match event.whole {
                true => policy.book.event(path, &name, event.data, policy.recognised()),
                false => Judgement::Activity(None),
            };
            app.event(now, path, judgement);
        });
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
        if let (Some(stream), Poll::Ready(Some(Ok(frame)))) = (&mut self.stream, &frame)
            && let Some(data) = frame.data_ref()
        {
            stream.look(data);
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
