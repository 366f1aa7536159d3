//! Part of `/api/apps`: whether an app answers, and how it has failed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ago, time};
use crate::core::loss::Loss;
use crate::session::Losses;

/// How an app has failed so far.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LossesView {
    /// Whether the newest request or handshake was answered; `None` = there was none.
    pub(crate) answers: Option<bool>,
    /// How often, by reason.
    #[serde(default)]
    pub(crate) losses: BTreeMap<String, u64>,
    pub(crate) last_loss: Option<LastLoss>,
}

/// The newest loss.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LastLoss {
    pub(crate) reason: String,
    pub(crate) at: String,
    pub(crate) ago_seconds: f64,
    /// The session whose app leg it was; `None` = a request or handshake failed.
    pub(crate) session: Option<u64>,
}

impl LossesView {
    pub(super) fn of(losses: &Losses) -> LossesView {
        let word = |(loss, count): (Loss, u64)| (loss.as_str().to_owned(), count);
        LossesView {
            answers: losses.answers(),
            losses: losses.counts().map(word).collect(),
            last_loss: losses.last().map(|lost| LastLoss {
                reason: lost.loss.as_str().to_owned(),
                at: time(lost.at),
                ago_seconds: ago(lost.at),
                session: lost.session,
            }),
        }
    }
}
