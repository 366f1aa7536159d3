//! Error answers: there is no such app, or something cannot be done with it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::session::App;
use crate::toml_file::nearest;

/// There is no app with this name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct UnknownApp {
    /// The error message.
    pub(crate) error: String,
    /// The app that was probably meant.
    pub(crate) nearest: Option<String>,
    /// The names of all apps.
    pub(crate) apps: Vec<String>,
}

/// Something cannot be done with an app.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// The error message.
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
