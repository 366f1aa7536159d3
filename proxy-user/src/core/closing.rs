//! The end of a session: two legs, each told once, whatever happens at once and in whatever order.
//!
//! Give [`Closing::on`] what happens on the sockets and do the one thing it says; give
//! [`Closing::end`] the cause that has won (`Session::end`) and do what it orders for each leg, then
//! go on with `on`; call [`Closing::late`] when the time for closing is over. The session is over
//! when [`Closing::over`] says so. Nothing here knows a frame's bytes: where a Close is put is the
//! pump's business.
//!
//! RFC 6455 section 7.1.2: the Close of one peer is passed to the other, whose answer passes back.
//! Where Ebbtide says Close itself it waits for the answer before its FIN (section 7.1.1).

use super::ending::{Cause, Tell};
use super::side::{PerSide, Side};

/// What a leg's peer has said of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Said {
    Nothing,
    Close,
    /// FIN or RST.
    End,
}

/// What a leg has been told of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Told {
    Nothing,
    /// A Close frame: its peer's, or one of ours.
    Close,
    /// A FIN, which is on its way.
    Fin,
    /// The FIN has been written.
    Done,
    /// RST, or its socket takes nothing any more.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LegState {
    said: Said,
    told: Told,
}

/// Something that a socket showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClosingEvent {
    /// A Close of this leg's peer went by.
    Close(Side),
    /// This leg's peer has sent FIN, and all before it has been passed on. `cut`: inside a frame,
    /// behind which nothing can be put.
    Fin {
        /// Whose.
        side: Side,
        /// Inside a frame.
        cut: bool,
    },
    /// Reading from this leg failed.
    Broken(Side),
    /// Writing to this leg failed. What its peer said before may still be unread.
    Deaf(Side),
    /// The FIN to this leg has been written.
    Finished(Side),
}

/// The one thing to do after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Send this leg FIN behind what waits.
    Fin(Side),
    /// Reset this leg.
    Reset(Side),
    /// End the session for this cause, unless another came first.
    End(Cause),
}

/// What to do with one leg when the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing: it knows, or its answer is waited for.
    Rest,
    /// Say Close with this code and reason behind what waits, and wait for the answer.
    Close(u16, &'static str),
    /// Say Close and send FIN: this peer waits for an answer to its Close, or has ended its side.
    CloseAndFin(u16, &'static str),
    /// Send FIN behind what waits.
    Fin,
    /// Reset it.
    Reset,
}

/// One session's end. See the module's text for the order of calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Closing {
    legs: PerSide<LegState>,
    /// The session has ended for a cause: each leg is on its own.
    parting: bool,
}

impl Default for Closing {
    fn default() -> Closing {
        let leg = LegState { said: Said::Nothing, told: Told::Nothing };
        Closing { legs: PerSide { client: leg, app: leg }, parting: false }
    }
}

impl Closing {
    /// Something happened.
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
                // An app that goes without a word is broken, unless the client went first.
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
                // A broken peer may have said something before it broke.
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

    /// The session has ended for `cause`: an order for each leg. The first cause wins, any other
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

    /// The time for closing is over: an order for each leg.
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

    /// Both legs have come to their end.
    #[must_use]
    pub fn over(&self) -> bool {
        self.legs.client.settled() && self.legs.app.settled()
    }

    fn says(&mut self, side: Side, said: Said) {
        let leg = &mut self.legs[side];
        leg.said = leg.said.max(said);
    }

    /// A leg that was told Close has answered: the handshake is done.
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

    /// What becomes of what a cause has for this leg.
    fn order(&mut self, tell: Tell) -> Order {
        let spoke = self.said > Said::Nothing;
        let (told, order) = match (tell, self.told) {
            (Tell::Reset, _) | (_, Told::Lost) => (Told::Lost, Order::Reset),
            (_, Told::Fin | Told::Done) => (self.told, Order::Rest),
            (Tell::Fin, _) => (Told::Fin, Order::Fin),
            // It has answered, or cannot.
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

    /// What this leg is told when Close went by and the connections stay open.
    fn unanswered(self, reason: &'static str, code: u16) -> Tell {
        match (self.said, self.told) {
            // It owes the answer, or its FIN.
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
