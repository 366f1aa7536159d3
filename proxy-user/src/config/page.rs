//! A waiting page of one's own: `waiting_page`.

use std::path::PathBuf;
use std::sync::Arc;

/// A template, as it was when the configuration was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingPage {
    /// Where it stands.
    pub file: PathBuf,
    /// What is in it, at most [`WaitingPage::LARGEST`] bytes.
    pub text: Arc<str>,
}

impl WaitingPage {
    /// The largest in bytes.
    pub const LARGEST: u64 = 256 * 1024;
}
