//! `ebbtide explain`: why an app is awake, from what the admin address of a running proxy tells.

mod ask;
mod words;

pub use self::ask::{Admin, AskError};
use crate::views::AppDetail;

/// What the proxy told of an app.
#[derive(Debug)]
pub struct Answer {
    json: String,
    detail: AppDetail,
}

impl Answer {
    /// As the proxy told it: one JSON object.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// In plain words; `colour`: for a terminal.
    #[must_use]
    pub fn words(&self, colour: bool) -> String {
        words::tell(&self.detail, colour)
    }
}
