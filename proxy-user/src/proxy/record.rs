//! Records what a request or a handshake counts as: in the app's gate and account, and among the visits.
//!
//! Decides nothing: `judge` has done that.

use super::judge::{JudgedHandshake, JudgedRequest, RequestContext};
use crate::clock;
use crate::core::gate::Reason;
use crate::core::judge;
use crate::core::pack::Judgement;
use crate::core::time::Nanos;
use crate::core::visit::Visits;
use crate::session::Asked;

/// Records a plain request. If its body is inspected, [`body`] records the rest.
pub(super) fn request(
    context: &RequestContext,
    visits: &Visits,
    judged: &JudgedRequest,
    now: Nanos,
) {
    judge::note_request(visits, context.asker(), now);
    context.app.recognise(&context.policy, judged.recognised);
    if let Some(judgement) = judged.judgement {
        count(context, judgement, false);
        if judged.body == 0 {
            pace(context, judgement, None);
            begin_work(context, judgement, Some(&[]));
        }
    }
}

/// Records a plain request whose body was inspected. `head`: what was known from its head; `seen`: the
/// whole body, if it was read to its end.
pub(super) fn body(
    context: &RequestContext,
    head: Option<Judgement>,
    judgement: Judgement,
    seen: Option<&[u8]>,
) {
    if head.is_none() {
        count(context, judgement, false);
    }
    pace(context, judgement, seen);
    begin_work(context, judgement, seen);
}

/// A request that counts may be work until it is answered.
fn begin_work(context: &RequestContext, judgement: Judgement, body: Option<&[u8]>) {
    if let (Some(work), false) = (&context.work, matches!(judgement, Judgement::Ignored(_))) {
        work.begin(body);
    }
}

/// Records a poll that Ebbtide answered because the app is not running.
pub(super) fn poll(context: &RequestContext, judgement: Option<Judgement>) {
    if let Some(judgement @ Judgement::Ignored(_)) = judgement {
        count(context, judgement, false);
    }
}

/// Records a handshake that the app has accepted.
pub(super) fn handshake(
    context: &RequestContext,
    visits: &Visits,
    judged: &JudgedHandshake,
    now: Nanos,
) {
    context.app.recognise(&context.policy, judged.connection.packs);
    judge::note_accepted(visits, context.client, judged.unattended, judged.judgement, now);
    visits.opened(context.client, context.uri.path());
    count(context, judged.judgement, true);
}

fn asked(context: &RequestContext, upgrade: bool) -> Asked<'_> {
    Asked { method: context.method.as_str(), path: context.uri.path(), upgrade, session: None }
}

fn count(context: &RequestContext, judgement: Judgement, upgrade: bool) {
    let (now, asked) = (clock::coarse(), asked(context, upgrade));
    let rule = match judgement {
        Judgement::Ignored(rule) => return context.app.account.asked_in_vain(now, &asked, rule),
        Judgement::Activity(rule) => rule,
        // A body that broke off, or is longer than any rule inspects, counts as a person's.
        Judgement::Undecided => None,
    };
    let recognised = context.policy.recognised();
    if !upgrade && context.policy.book.asks_for_work(&context.head(), recognised) {
        context.app.posted.note(now);
    }
    context.app.note(now, if upgrade { Reason::Upgrade } else { Reason::Request });
    context.app.account.asked(now, &asked, rule);
}

/// Adds a request to the pace of its browser. `body`: the whole body.
fn pace(context: &RequestContext, judgement: Judgement, body: Option<&[u8]>) {
    if !context.policy.seeks_cadence() || matches!(judgement, Judgement::Ignored(_)) {
        return;
    }
    let unknown = judgement == Judgement::Activity(None) && context.may_be_timer();
    let body = body.filter(|_| unknown);
    context.app.account.paced(clock::coarse(), context.client, &asked(context, false), body);
}
