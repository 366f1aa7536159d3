//! The end of a session: each of the two legs is told once, whatever happens, in any order.
//!
//! Pass events on the sockets to [`Closing::on`] and carry out the step it returns. Pass the cause that won
//! (`Session::end`) to [`Closing::end`], carry out its order for each leg, then continue with `on`. Call
//! [`Closing::late`] when the time for closing is over. The session is over when [`Closing::over`] is true.
//! Nothing here knows the bytes of a frame: the pump decides where to put a Close.
//!
//! RFC 6455 section 7.1.2: the Close of one peer is passed to the other, whose answer is passed back. If
//! Ebbtide sends a Close itself, it waits for the answer before its FIN (section 7.1.1).

use super::ending::{Cause, Tell};
use super::side::{PerSide, Side};

/// How far a leg's peer has closed its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Said {
    Nothing,
    Close,
    /// FIN or RST.
    End,
}

/// How far we have closed a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Told {
    Nothing,
    /// A Close frame was sent: the other peer's or one of ours.
    Close,
    /// FIN is queued.
    Fin,
    /// FIN was written.
    Done,
    /// RST was sent, or the socket takes no more bytes.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LegState {
    said: Said,
    told: Told,
}

/// An event on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClosingEvent {
    /// A Close from this leg's peer was passed on.
    Close(Side),
    /// This leg's peer has sent FIN, and everything before it has been passed on.
    Fin {
        /// The side.
        side: Side,
        /// In the middle of a frame, so that nothing can be sent after it.
        cut: bool,
    },
    /// Reading from this leg failed.
    Broken(Side),
    /// Writing to this leg failed. Bytes from its peer may still be unread.
    Deaf(Side),
    /// The FIN to this leg has been written.
    Finished(Side),
}

/// What to do after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Send FIN to this leg, after everything that waits.
    Fin(Side),
    /// Reset this leg.
    Reset(Side),
    /// End the session for this cause, unless another cause came first.
    End(Cause),
}

/// What to do with a leg when the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing: it has been told, or its answer is still to come.
    Rest,
    /// Send Close with this code and reason after everything that waits, and wait for the answer.
    Close(u16, &'static str),
    /// Send Close, then FIN: this peer waits for an answer to its Close, or has ended its side.
    CloseAndFin(u16, &'static str),
    /// Send FIN after everything that waits.
    Fin,
    /// Reset it.
    Reset,
}

/// The closing state of one session. See the module's documentation for the order of calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Closing {
    legs: PerSide<LegState>,
    /// The session has ended for a cause: each leg is closed on its own.
    parting: bool,
}

impl Default for Closing {
    fn default() -> Closing {
        let leg = LegState { said: Said::Nothing, told: Told::Nothing };
        Closing { legs: PerSide { client: leg, app: leg }, parting: false }
    }
}

impl Closing {
    /// Handles an event.
    pub fn on(&mut self, event: ClosingEvent) -> Step {
        match event {
            ClosingEvent::Close(side) => {
                self.says(side, Said::Close);
                if self.parting {
                    return self.answered(side);
                }
                let other = &mut self.legs[side.other()];
                other.told = other.told.max(Told::Close);
                Step::Rest
            }
            ClosingEvent::Fin { side, cut } => {
                let before = self.legs[side].said;
                self.says(side, Said::End);
                if self.parting {
                    return self.answered(side);
                }
                if self.legs[side].told == Told::Lost {
                    return Step::End(reset(side));
                }
                // An app that leaves without Close is broken, unless the client left first.
                let untold =
                    self.legs.client.said == Said::Nothing && self.legs.client.told < Told::Fin;
                if side == Side::App && before == Said::Nothing && untold && !cut {
                    return Step::End(Cause::AppClosed);
                }
                self.fin(side.other())
            }
            ClosingEvent::Broken(side) => {
                self.says(side, Said::End);
                self.lose(side)
            }
            ClosingEvent::Deaf(side) => {
                // A peer whose connection broke may have sent something before.
                let heard_all = self.legs[side].said == Said::End;
                if self.parting || heard_all {
                    return self.lose(side);
                }
                self.legs[side].told = Told::Lost;
                Step::Rest
            }
            ClosingEvent::Finished(side) => {
                let leg = &mut self.legs[side];
                leg.told = leg.told.max(Told::Done);
                Step::Rest
            }
        }
    }

    /// Ends the session for `cause`; returns an order for each leg. The first cause wins: any later one
    /// orders nothing.
    pub fn end(&mut self, cause: Cause) -> PerSide<Order> {
        if std::mem::replace(&mut self.parting, true) {
            return PerSide { client: Order::Rest, app: Order::Rest };
        }
        let tell = match cause {
            Cause::CloseTimeout => PerSide {
                client: self.legs.client.unanswered("app did not answer Close", 1014),
                app: self.legs.app.unanswered("client did not answer Close", 1001),
            },
            cause => cause.tell(),
        };
        PerSide::from_fn(|side| self.legs[side].order(tell[side]))
    }

    /// The time for closing is over; returns an order for each leg.
    pub fn late(&mut self) -> PerSide<Order> {
        self.parting = true;
        PerSide::from_fn(|side| {
            let leg = &mut self.legs[side];
            if leg.settled() {
                return Order::Rest;
            }
            *leg = LegState { said: Said::End, told: Told::Lost };
            Order::Reset
        })
    }

    /// Whether both legs are closed.
    #[must_use]
    pub fn over(&self) -> bool {
        self.legs.client.settled() && self.legs.app.settled()
    }

    fn says(&mut self, side: Side, said: Said) {
        let leg = &mut self.legs[side];
        leg.said = leg.said.max(said);
    }

    /// A leg that was sent Close has answered: its closing handshake is complete.
    fn answered(&mut self, side: Side) -> Step {
        match self.legs[side].told {
            Told::Close => self.fin(side),
            _ => Step::Rest,
        }
    }

    fn fin(&mut self, side: Side) -> Step {
        let leg = &mut self.legs[side];
        if leg.told >= Told::Fin {
            return Step::Rest;
        }
        leg.told = Told::Fin;
        Step::Fin(side)
    }

    fn lose(&mut self, side: Side) -> Step {
        let before = std::mem::replace(&mut self.legs[side].told, Told::Lost);
        match self.parting {
            false => Step::End(reset(side)),
            true if before == Told::Lost => Step::Rest,
            true => Step::Reset(side),
        }
    }
}

impl LegState {
    fn settled(self) -> bool {
        match self.told {
            Told::Lost => true,
            Told::Done => self.said == Said::End,
            _ => false,
        }
    }

    /// Turns what a cause says into an order for this leg.
    fn order(&mut self, tell: Tell) -> Order {
        let spoke = self.said > Said::Nothing;
        let (told, order) = match (tell, self.told) {
            (Tell::Reset, _) | (_, Told::Lost) => (Told::Lost, Order::Reset),
            (_, Told::Fin | Told::Done) => (self.told, Order::Rest),
            (Tell::Fin, _) => (Told::Fin, Order::Fin),
            // The peer has answered, or cannot.
            (Tell::Close(..), Told::Close) if spoke => (Told::Fin, Order::Fin),
            (Tell::Close(..), Told::Close) => (Told::Close, Order::Rest),
            (Tell::Close(code, reason), Told::Nothing) if spoke => {
                (Told::Fin, Order::CloseAndFin(code, reason))
            }
            (Tell::Close(code, reason), Told::Nothing) => (Told::Close, Order::Close(code, reason)),
        };
        self.told = told;
        order
    }

    /// What this leg is told if Close was exchanged and the connections stay open.
    fn unanswered(self, reason: &'static str, code: u16) -> Tell {
        match (self.said, self.told) {
            // The peer owes its Close or its FIN.
            (Said::Nothing, _) | (Said::Close, Told::Done) => Tell::Reset,
            _ => Tell::Close(code, reason),
        }
    }
}

fn reset(side: Side) -> Cause {
    match side {
        Side::Client => Cause::ClientReset,
        Side::App => Cause::AppReset,
    }
}

#[cfg(test)]
#[path = "closing_page.rs"]
mod page;

#[cfg(test)]
#[path = "closing_tests.rs"]
mod tests;
