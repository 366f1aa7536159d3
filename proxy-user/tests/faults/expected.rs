//! What each side must see of a fault, derived from who, what and when.

use libtest_mimic::Failed;

use crate::matrix::{Cell, Fault, Moment, Who};

/// What one side sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// One Close frame with this code, and FIN.
    Close(u16),
    /// FIN alone.
    Fin,
    /// FIN or RST inside the frame that the other side did not finish: RFC 6455 section 5.4 lets
    /// nothing be put into it.
    Cut,
    /// RST, and no Close before it.
    Reset,
    /// RST behind a Close with this code.
    CloseReset(u16),
    /// An answer with this status in place of a session.
    Status(u16),
    /// It has no connection any more to see anything by.
    Nothing,
}

/// What a cell must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) survivor: Sight,
    pub(crate) culprit: Sight,
    /// Labels `leg` and `reason` of the one reap that is counted.
    pub(crate) reaped: Option<(&'static str, &'static str)>,
}

pub(crate) fn expected(cell: Cell) -> Expected {
    let Cell { who, fault, moment } = cell;
    // Contract: "app leg stalled or dead: client gets Close 1014"; a client's loss is a 1001 to the app.
    let loss = match (who, moment) {
        (_, Moment::MidFrame) => Sight::Cut,
        (Who::Client, _) => Sight::Close(1001),
        (Who::App, _) => Sight::Close(1014),
    };
    let seen = |survivor, culprit| Expected { survivor, culprit, reaped: None };
    // An app that goes without a Close is counted as lost; a client may do so at any time.
    let left = |culprit| Expected {
        survivor: loss,
        culprit,
        reaped: (who == Who::App).then_some(("app", "peer_closed")),
    };
    // Contract: "client leg reset at once", and the same for the app's.
    let reaped = |reason| Expected {
        survivor: loss,
        culprit: if fault == Fault::Vanish { Sight::Nothing } else { Sight::Reset },
        reaped: Some((who.leg(), reason)),
    };
    match (who, fault, moment) {
        // There is no session yet. Contract: "app refuses or breaks: 502", "app too slow: 504".
        (Who::App, Fault::Fin | Fault::Garbage, Moment::Handshake) => {
            seen(Sight::Status(502), Sight::Fin)
        }
        (Who::App, Fault::Rst, Moment::Handshake) => seen(Sight::Status(502), Sight::Nothing),
        (Who::App, Fault::Freeze, Moment::Handshake) => seen(Sight::Status(504), Sight::Fin),
        (Who::App, Fault::Vanish, Moment::Handshake) => seen(Sight::Status(504), Sight::Nothing),
        // Nobody is left to answer.
        (Who::Client, Fault::Fin, Moment::Handshake) => seen(Sight::Fin, Sight::Fin),
        (Who::Client, Fault::Rst, Moment::Handshake) => seen(Sight::Fin, Sight::Nothing),

        // The drain is over before time could tell. Contract: "Close 1012 to both legs".
        (_, Fault::Slow, Moment::Draining) => seen(Sight::Close(1012), Sight::Close(1012)),
        // It does not answer the Close in the time for closing.
        (_, Fault::Freeze, Moment::Draining) => seen(Sight::Close(1012), Sight::CloseReset(1012)),
        (_, Fault::Vanish, Moment::Draining) => seen(Sight::Close(1012), Sight::Nothing),

        // Both know already why it ends. A FIN is an answer to a Close, if a short one.
        (_, Fault::Fin, Moment::Closing) => seen(Sight::Fin, Sight::Close(1000)),
        (_, Fault::Slow, Moment::Closing) => seen(Sight::Close(1000), Sight::Close(1000)),
        (_, Fault::Garbage, Moment::Closing) => seen(Sight::Close(1002), Sight::Close(1000)),
        // RFC 6455 section 7.1.1: nobody waits for ever. The kernel has taken the Close, so nothing is
        // stuck that rows could show, and no ping may follow a Close: who owes the answer is reset, and
        // the other is told that none comes.
        (_, Fault::Freeze, Moment::Closing) => seen(loss, Sight::CloseReset(1000)),
        (_, Fault::Vanish, Moment::Closing) => seen(loss, Sight::Nothing),

        // A client that only closes its sending side may still read; its FIN is passed on as it is.
        (Who::Client, Fault::Fin, Moment::MidFrame) => seen(Sight::Cut, Sight::Fin),
        (Who::Client, Fault::Fin, _) => seen(Sight::Fin, Sight::Fin),
        // An app's end without a Close is a break.
        (Who::App, Fault::Fin, Moment::MidFrame) => seen(Sight::Cut, Sight::Fin),
        (Who::App, Fault::Fin, _) => left(Sight::Fin),
        (_, Fault::Rst, _) => left(Sight::Nothing),

        // Bytes are queued and none is taken: stalled. Otherwise only the missing pong tells.
        (_, Fault::Freeze, _) if moment.streams() => reaped("stalled"),
        (_, Fault::Freeze, _) => reaped("unreachable"),
        // Contract: "client unreachable (no pong, RTO)".
        (_, Fault::Vanish, _) => reaped("unreachable"),
        // Slow is not dead: the session goes on until the survivor closes it.
        (_, Fault::Slow, _) => seen(Sight::Close(1000), Sight::Close(1000)),
        // Contract: "frame that breaks RFC 6455: Close 1002, both legs".
        (_, Fault::Garbage, _) => seen(Sight::Close(1002), Sight::Close(1002)),
    }
}

/// Whatever is expected of a cell, the side that did nothing is neither reset nor left without news, and
/// what is counted is counted on the other leg.
pub(crate) fn blames_nobody_else() -> Result<(), Failed> {
    for cell in Cell::all() {
        let Expected { survivor, reaped, .. } = expected(cell);
        let blamed = matches!(survivor, Sight::Reset | Sight::CloseReset(_) | Sight::Nothing);
        assert!(!blamed, "{}: {survivor:?}", cell.name());
        assert!(reaped.is_none_or(|(leg, _)| leg == cell.who.leg()), "{}: {reaped:?}", cell.name());
    }
    Ok(())
}
