//! The two sides of a session, the two directions between them, and one value for each side.

use std::ops::{Index, IndexMut};

/// One of a session's two sockets: the *client leg* or the *app leg*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The browser's side.
    Client,
    /// The upstream side.
    App,
}

/// The direction of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the app.
    Input,
    /// From the app to the client.
    Output,
}

impl Side {
    /// Both, the client first.
    pub const BOTH: [Side; 2] = [Side::Client, Side::App];

    /// The opposite side.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::App,
            Side::App => Side::Client,
        }
    }

    /// The direction of traffic that comes from this side.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self {
            Side::Client => Direction::Input,
            Side::App => Direction::Output,
        }
    }

    /// `client` or `app`: the value of the label `leg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::App => "app",
        }
    }
}

impl Direction {
    /// The side that traffic in this direction comes from.
    #[must_use]
    pub fn source(self) -> Side {
        match self {
            Direction::Input => Side::Client,
            Direction::Output => Side::App,
        }
    }

    /// `input` or `output`: the value of the label `direction`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Input => "input",
            Direction::Output => "output",
        }
    }
}

/// A value for each side. Values that belong to a direction are stored under the side it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PerSide<T> {
    /// The client's.
    pub client: T,
    /// The app's.
    pub app: T,
}

impl<T> PerSide<T> {
    /// Makes a value for each side.
    pub fn from_fn(mut make: impl FnMut(Side) -> T) -> PerSide<T> {
        PerSide { client: make(Side::Client), app: make(Side::App) }
    }

    /// Converts both values.
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> PerSide<U> {
        PerSide { client: make(self.client), app: make(self.app) }
    }

    /// Both by reference.
    #[must_use]
    pub fn as_ref(&self) -> PerSide<&T> {
        PerSide { client: &self.client, app: &self.app }
    }

    /// Pairs both values with those of another.
    #[must_use]
    pub fn zip<U>(self, other: PerSide<U>) -> PerSide<(T, U)> {
        PerSide { client: (self.client, other.client), app: (self.app, other.app) }
    }

    /// The value of this side and that of the other side.
    pub fn split_mut(&mut self, side: Side) -> (&mut T, &mut T) {
        let PerSide { client, app } = self;
        match side {
            Side::Client => (client, app),
            Side::App => (app, client),
        }
    }

    /// Both values with their sides, the client's first.
    pub fn iter(&self) -> impl Iterator<Item = (Side, &T)> {
        [(Side::Client, &self.client), (Side::App, &self.app)].into_iter()
    }
}

impl<T> Index<Side> for PerSide<T> {
    type Output = T;

    #[inline]
    fn index(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::App => &self.app,
        }
    }
}

impl<T> IndexMut<Side> for PerSide<T> {
    #[inline]
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::App => &mut self.app,
        }
    }
}
