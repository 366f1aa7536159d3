//! A request body that is judged while it is forwarded.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::oneshot;

use super::{JudgedRequest, RequestContext};
use crate::core::pack::Judgement;
use crate::http::timed::{Upload, UploadError};
use crate::proxy::record;
use crate::proxy::transfer::Transfer;

/// A body on its way to the app. A copy of its first bytes is kept until they are judged.
#[derive(Debug)]
pub(in crate::proxy) struct InspectedRequestBody {
    /// `None` once it was handed back.
    upload: Option<Upload>,
    inspection: Option<Box<Inspection>>,
    transfer: Option<Arc<Transfer>>,
    /// Takes it back if it is dropped before it was judged.
    back: Option<oneshot::Sender<InspectedRequestBody>>,
}

/// Receives a body that was dropped before enough of it was read to judge it.
#[derive(Debug)]
pub(in crate::proxy) struct UnreadBody(oneshot::Receiver<InspectedRequestBody>);

#[derive(Debug)]
struct Inspection {
    context: RequestContext,
    judged: JudgedRequest,
    seen: Vec<u8>,
}

impl InspectedRequestBody {
    /// A body that is judged, if needed, once enough of it has arrived, or its end.
    pub(in crate::proxy) fn new(
        upload: Upload,
        context: &RequestContext,
        judged: JudgedRequest,
    ) -> (InspectedRequestBody, Option<UnreadBody>) {
        let inspection = (judged.body > 0)
            .then(|| Box::new(Inspection { context: context.clone(), judged, seen: Vec::new() }));
        let transfer = context.transfer.clone();
        let mut body =
            InspectedRequestBody { upload: Some(upload), inspection, transfer, back: None };
        if body.is_end_stream() {
            body.judge(true);
        }
        if body.inspection.is_none() {
            return (body, None);
        }
        let (back, unread) = oneshot::channel();
        body.back = Some(back);
        (body, Some(UnreadBody(unread)))
    }

    /// Judges what has arrived. If the rules need more, it tries again later; at the end it counts as a
    /// person's.
    fn judge(&mut self, whole: bool) {
        let Some(inspection) = &self.inspection else { return };
        let full = whole || inspection.seen.len() >= inspection.judged.body;
        match inspection.judgement(whole) {
            Judgement::Undecided if !full => {}
            judgement => {
                inspection.tell(judgement, whole);
                self.inspection = None;
            }
        }
    }
}

impl UnreadBody {
    /// Reads and discards until the body is judged. `ClientTimeouts` ends this if the client sends nothing.
    /// A client that waits for 100 (Continue) is not asked for the body just for this.
    pub(in crate::proxy) async fn judge(mut self) {
        let Ok(mut body) = self.0.try_recv() else { return };
        let held_back =
            |body: &InspectedRequestBody| body.upload.as_ref().is_some_and(Upload::is_held_back);
        while body.inspection.is_some() && !held_back(&body) {
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            if !matches!(frame, Some(Ok(_))) {
                break;
            }
        }
    }
}

impl Inspection {
    fn judgement(&self, whole: bool) -> Judgement {
        self.judged.judgement.unwrap_or_else(|| self.context.body(&self.seen, whole))
    }

    fn tell(&self, judgement: Judgement, whole: bool) {
        if let Some(transfer) = &self.context.transfer {
            transfer.judged(!matches!(judgement, Judgement::Ignored(_)));
        }
        let seen = whole.then_some(&self.seen[..]);
        record::body(&self.context, self.judged.judgement, judgement, seen);
    }
}

impl Body for InspectedRequestBody {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let Some(upload) = &mut self.upload else { return Poll::Ready(None) };
        let frame = Pin::new(&mut *upload).poll_frame(cx);
        let over = upload.is_end_stream();
        if let (Some(transfer), Poll::Ready(Some(Ok(_)))) = (&self.transfer, &frame) {
            transfer.moved();
        }
        if let (Some(inspection), Poll::Ready(frame)) = (&mut self.inspection, &frame) {
            match frame {
                Some(Ok(frame)) => {
                    let data = frame.data_ref().map_or(&[][..], |data| data);
                    let room = inspection.judged.body - inspection.seen.len();
                    inspection.seen.extend(&data[..data.len().min(room)]);
                    // One byte more than the rules inspect means that it is too long for them.
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

impl Drop for InspectedRequestBody {
    /// A body that broke off is judged by what has arrived, unless it is handed back to be read further.
    fn drop(&mut self) {
        let Some(inspection) = self.inspection.take() else { return };
        let Some(back) = self.back.take() else {
            return inspection.tell(inspection.judgement(false), false);
        };
        // If the receiver is gone, it is dropped again, this time without `back`.
        let _ = back.send(InspectedRequestBody {
            upload: self.upload.take(),
            inspection: Some(inspection),
            transfer: None,
            back: None,
        });
    }
}
