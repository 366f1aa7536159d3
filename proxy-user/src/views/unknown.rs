//! The answers where an app is not there, or something cannot be done with it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::session::App;
use crate::toml_file::nearest;

/// No app has this name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct UnknownApp {
    /// Says so.
    pub(crate) error: String,
    /// The app that was probably meant.
    pub(crate) nearest: Option<String>,
    /// All that there are.
    pub(crate) apps: Vec<String>,
}

/// Something cannot be done with an app.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// Says why.
    pub(crate) error: String,
}

impl UnknownApp {
    pub(crate) fn of(name: &str, apps: &[Arc<App>]) -> UnknownApp {
        let known: Vec<_> = apps.iter().map(|app| &*app.name).collect();
        UnknownApp {
            error: "unknown app".to_owned(),
            nearest: nearest(name, &known).map(str::to_owned),
            apps: known.into_iter().map(str::to_owned).collect(),
        }
    }
}
