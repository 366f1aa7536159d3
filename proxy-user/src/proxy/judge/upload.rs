//! A request's body that is judged while it passes.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::Case;
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
    /// Bytes that the rules want to see.
    needs: usize,
    seen: Vec<u8>,
}

impl Tapped {
    /// A body that is judged when `needs` bytes of it have come, or its end; `None` = it is not.
    pub(in crate::proxy) fn new(upload: Upload, case: Case, needs: Option<usize>) -> Tapped {
        let tap = needs.map(|needs| Box::new(Tap { case, needs, seen: Vec::new() }));
        let mut tapped = Tapped { upload, tap };
        if tapped.upload.is_end_stream() {
            tapped.judge(true);
        }
        tapped
    }

    /// Judges what was seen. What needs more is asked again, or is a person's at the end.
    fn judge(&mut self, whole: bool) {
        let Some(tap) = &self.tap else { return };
        let full = whole || tap.seen.len() >= tap.needs;
        match tap.case.body(&tap.seen, whole) {
            Verdict::Undecided if !full => {}
            verdict => {
                tap.case.count(verdict);
                self.tap = None;
            }
        }
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
                    let room = tap.needs - tap.seen.len();
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
            tap.case.count(tap.case.body(&tap.seen, false));
        }
    }
}
