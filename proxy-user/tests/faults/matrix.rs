//! The matrix: who is at fault, how, and at which moment. Its cells are made from these three lists.

/// The side that something happens to. The other side is the survivor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Client,
    App,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It closes its sending side without a word, and reads on.
    Fin,
    /// It resets its connection.
    Rst,
    /// It neither reads nor writes any more; its kernel goes on acknowledging.
    Freeze,
    /// Its network link goes down.
    Vanish,
    /// It does everything that it has to, but late or in small pieces.
    Slow,
    /// It sends bytes that are neither HTTP nor a frame.
    Garbage,
}

/// What is under way when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The app has the client's handshake and has not answered it.
    Handshake,
    /// The session is open, and nothing is.
    Idle,
    /// The side at fault is inside a frame of its own; the survivor streams towards it.
    MidFrame,
    /// The same between two fragments of a message.
    MidMessage,
    /// The survivor's Close has arrived and has not been answered.
    Closing,
    /// The proxy was told to stop, and the session is idle.
    Draining,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) who: Who,
    pub(crate) fault: Fault,
    pub(crate) moment: Moment,
}

impl Who {
    pub(crate) const ALL: [Who; 2] = [Who::Client, Who::App];

    /// The value of the label `leg`.
    pub(crate) fn leg(self) -> &'static str {
        match self {
            Who::Client => "client",
            Who::App => "app",
        }
    }
}

impl Fault {
    pub(crate) const ALL: [Fault; 6] =
        [Fault::Fin, Fault::Rst, Fault::Freeze, Fault::Vanish, Fault::Slow, Fault::Garbage];

    fn name(self) -> &'static str {
        match self {
            Fault::Fin => "FIN",
            Fault::Rst => "RST",
            Fault::Freeze => "freeze",
            Fault::Vanish => "vanish",
            Fault::Slow => "slow",
            Fault::Garbage => "garbage",
        }
    }

    /// The socket shows it at once; all others need time to tell.
    pub(crate) fn is_sudden(self) -> bool {
        matches!(self, Fault::Fin | Fault::Rst | Fault::Garbage)
    }

    /// It is found by what the socket table says, whoever writes it.
    pub(crate) fn is_found_by_rows(self) -> bool {
        matches!(self, Fault::Freeze | Fault::Vanish)
    }
}

impl Moment {
    pub(crate) const ALL: [Moment; 6] = [
        Moment::Handshake,
        Moment::Idle,
        Moment::MidFrame,
        Moment::MidMessage,
        Moment::Closing,
        Moment::Draining,
    ];

    fn name(self) -> &'static str {
        match self {
            Moment::Handshake => "handshake",
            Moment::Idle => "idle",
            Moment::MidFrame => "mid-frame",
            Moment::MidMessage => "mid-message",
            Moment::Closing => "closing",
            Moment::Draining => "draining",
        }
    }

    /// The survivor streams towards the side at fault.
    pub(crate) fn streams(self) -> bool {
        matches!(self, Moment::MidFrame | Moment::MidMessage)
    }

    /// The session is about to end even if nobody does anything wrong.
    pub(crate) fn ends_by_itself(self) -> bool {
        matches!(self, Moment::Closing | Moment::Draining)
    }
}

impl Cell {
    pub(crate) fn all() -> impl Iterator<Item = Cell> {
        Who::ALL.into_iter().flat_map(|who| {
            Fault::ALL.into_iter().flat_map(move |fault| {
                Moment::ALL.into_iter().map(move |moment| Cell { who, fault, moment })
            })
        })
    }

    pub(crate) fn is(self, who: Who, fault: Fault, moment: Moment) -> bool {
        self == Cell { who, fault, moment }
    }

    pub(crate) fn name(self) -> String {
        let Cell { who, fault, moment } = self;
        format!("{} {} {}", who.leg(), fault.name(), moment.name())
    }
}
