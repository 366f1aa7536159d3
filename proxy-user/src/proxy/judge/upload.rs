//! A request's body that is judged while it passes.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::{Case, Look};
use crate::core::pack::Verdict;
use crate::proxy::timed::Upload;

/// A body on its way to the app, of which a copy of the first bytes is kept until they have been
/// judged.
#[derive(Debug)]
pub(in crate::proxy) struct Tapped {
    upload: Upload,
    tap: Option<Box<Tap>>,
}

#[derive(Debug)]
struct Tap {
    case: Case,
    look: Look,
    seen: Vec<u8>,
}

impl Tapped {
    /// A body that is judged when as many bytes of it have come as `look` needs, or its end; `None` =
    /// it is not.
    pub(in crate::proxy) fn new(upload: Upload, case: &Case, look: Option<Look>) -> Tapped {
        let tap = |look| Box::new(Tap { case: case.clone(), look, seen: Vec::new() });
        let tap = look.map(tap);
        let mut tapped = Tapped { upload, tap };
        if tapped.upload.is_end_stream() {
            tapped.judge(true);
        }
        tapped
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
        let frame = Pin::new(&mut self.upload).poll_frame(cx);
        if let (Some(tap), Poll::Ready(frame)) = (&mut self.tap, &frame) {
            match frame {
                Some(Ok(frame)) => {
                    let data = frame.data_ref().map_or(&[][..], |data| data);
                    let room = tap.look.needs - tap.seen.len();
                    tap.seen.extend(&data[..data.len().min(room)]);
                    // One byte more than the rules look at: it is too long for them.
                    let (longer, last) = (data.len() > room, self.upload.is_end_stream());
                    if longer || last {
                        self.judge(last && !longer);
                    }
                }
                Some(Err(_)) => self.judge(false),
                None => self.judge(true),
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.upload.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.upload.size_hint()
    }
}

impl Drop for Tapped {
    /// A body that broke off is judged by what came of it.
    fn drop(&mut self) {
        if let Some(tap) = self.tap.take() {
            tap.tell(tap.verdict(false), false);
        }
    }
}
