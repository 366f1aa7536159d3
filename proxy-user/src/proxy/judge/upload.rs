//! A request's body that is judged while it passes.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::oneshot;

use super::{Case, Look};
use crate::core::pack::Verdict;
use crate::proxy::timed::Upload;

/// A body on its way to the app, of which a copy of the first bytes is kept until they have been
/// judged.
#[derive(Debug)]
pub(in crate::proxy) struct Tapped {
    /// There until it goes back.
    upload: Option<Upload>,
    tap: Option<Box<Tap>>,
    /// Where it goes when it is dropped before it was judged.
    back: Option<oneshot::Sender<Tapped>>,
}

/// Gets a body back that nobody has read far enough to judge it.
#[derive(Debug)]
pub(in crate::proxy) struct Unread(oneshot::Receiver<Tapped>);

#[derive(Debug)]
struct Tap {
    case: Case,
    look: Look,
    seen: Vec<u8>,
}

impl Tapped {
    /// A body that is judged when as many bytes of it have come as `look` needs, or its end; `None` =
    /// it is not.
    pub(in crate::proxy) fn new(
        upload: Upload,
        case: &Case,
        look: Option<Look>,
    ) -> (Tapped, Option<Unread>) {
        let tap = |look| Box::new(Tap { case: case.clone(), look, seen: Vec::new() });
        let mut tapped = Tapped { upload: Some(upload), tap: look.map(tap), back: None };
        if tapped.is_end_stream() {
            tapped.judge(true);
        }
        if tapped.tap.is_none() {
            return (tapped, None);
        }
        let (back, unread) = oneshot::channel();
        tapped.back = Some(back);
        (tapped, Some(Unread(unread)))
    }

    /// Judges what was seen. What needs more is asked again, or is a person's at the end.
    fn judge(&mut self, whole: bool) {
        let Some(tap) = &self.tap else { return };
        let full = whole || tap.seen.len() >= tap.look.needs;
        match tap.verdict(whole) {
            Verdict::Undecided if !full => {}
            verdict => {
                tap.tell(verdict, whole);
                self.tap = None;
            }
        }
    }
}

impl Unread {
    /// Reads on, and drops what comes, until the body is judged. `Patience` ends it where the client
    /// sends nothing.
    pub(in crate::proxy) async fn judge(mut self) {
        let Ok(mut tapped) = self.0.try_recv() else { return };
        while tapped.tap.is_some() {
            let frame = poll_fn(|cx| Pin::new(&mut tapped).poll_frame(cx)).await;
            if !matches!(frame, Some(Ok(_))) {
                break;
            }
        }
    }
}

impl Tap {
    fn verdict(&self, whole: bool) -> Verdict {
        if self.look.settled {
            return Verdict::Activity(None);
        }
        self.case.body(&self.seen, whole)
    }

    fn tell(&self, verdict: Verdict, whole: bool) {
        if !self.look.settled {
            self.case.count(verdict);
        }
        self.case.pace(verdict, whole.then_some(&self.seen));
    }
}

impl Body for Tapped {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(upload) = &mut self.upload else { return Poll::Ready(None) };
        let frame = Pin::new(&mut *upload).poll_frame(cx);
        let over = upload.is_end_stream();
        if let (Some(tap), Poll::Ready(frame)) = (&mut self.tap, &frame) {
            match frame {
                Some(Ok(frame)) => {
                    let data = frame.data_ref().map_or(&[][..], |data| data);
                    let room = tap.look.needs - tap.seen.len();
                    tap.seen.extend(&data[..data.len().min(room)]);
                    // One byte more than the rules look at: it is too long for them.
                    let longer = data.len() > room;
                    if longer || over {
                        self.judge(over && !longer);
                    }
                }
                Some(Err(_)) => self.judge(false),
                None => self.judge(true),
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.upload.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.upload.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Tapped {
    /// A body that broke off is judged by what came of it, unless somebody wants to read on.
    fn drop(&mut self) {
        let Some(tap) = self.tap.take() else { return };
        let Some(back) = self.back.take() else { return tap.tell(tap.verdict(false), false) };
        // Where nobody waits it is dropped once more, without a way back.
        let _ = back.send(Tapped { upload: self.upload.take(), tap: Some(tap), back: None });
    }
}
