//! `ebbtide explain`: why an app is awake, from what the admin address of a running proxy tells.

mod ask;
mod words;

pub use self::ask::{Admin, AskError};
use crate::views::{AppDetail, AppView};

/// What the proxy told of an app, or of all.
#[derive(Debug)]
pub struct Answer {
    json: String,
    told: Told,
}

/// One app, or all.
#[derive(Debug)]
enum Told {
    One(Box<AppDetail>),
    All(Vec<AppView>),
}

impl Answer {
    /// As the proxy told it: a JSON object, or an array of them.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// In plain words; `colour`: for a terminal.
    #[must_use]
    pub fn words(&self, colour: bool) -> String {
        match &self.told {
            Told::One(detail) => words::tell(detail, colour),
            Told::All(apps) => words::tell_all(apps, colour),
        }
    }
}
