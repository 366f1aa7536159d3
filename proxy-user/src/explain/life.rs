//! An app's lifecycle state, in words.

use super::words::{ago, span};
use crate::views::AppView;

/// `None` = the app has no driver.
pub(super) fn tell(view: &AppView) -> Option<String> {
    let life = &view.life;
    let (since, seconds) = (life.since.as_deref()?, life.since_seconds?);
    let long = span(seconds);
    let failed = |words: &str| match &life.failure {
        Some(reason) => format!(" {words}: {reason}."),
        None => String::new(),
    };
    Some(match view.state.as_str() {
        "running" => {
            format!("Running since {since}, for {long}.{}", failed("Before that it failed"))
        }
        "suspending" => format!("Being stopped since {since}, for {long}."),
        "suspended" => format!(
            "Suspended since {since}, for {long}; the next person who opens it starts it.{}",
            failed("Before that it failed")
        ),
        "starting" => {
            format!("Starting since {since}, for {long}.{}", failed("The time before it failed"))
        }
        "failed" => {
            let reason = life.failure.as_deref().unwrap_or("no reason is known");
            let next = match life.next_try_in_seconds {
                Some(seconds) if seconds >= 0.5 => format!("in {}", span(seconds)),
                _ => "now".to_owned(),
            };
            format!(
                "It could not start, or ended, {}: {reason}. It is tried again {next}.",
                ago(seconds)
            )
        }
        _ => format!("Disabled by its control plane since {since}, for {long}."),
    })
}
