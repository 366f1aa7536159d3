//! The waiting page that a person sees while an app starts, cannot start, or has no free seat, and the endpoint
//! that reports progress to it.

mod listener;
mod progress;
mod wait;

use std::path::PathBuf;
use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use self::progress::Progress;
pub(super) use self::wait::{answer, is_ours};
use super::seats;
use crate::clock;
use crate::config::{PageValues, WaitingPage};
use crate::core::return_to;
use crate::session::{App, AppPolicy, Status};

static BUILT_IN: LazyLock<Option<WaitingPage>> =
    LazyLock::new(|| WaitingPage::compile(PathBuf::new(), include_str!("page.html")).ok());

/// The most reloads of a page without scripts: one every 3 s for an hour.
const MOST_LOOKS: u32 = 1200;

/// A rendered page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// For `X-Ebbtide-Reason`.
    pub(super) reason: &'static str,
    /// HTML.
    pub(super) html: Bytes,
    /// Identifies the browser in the queue for a seat.
    pub(super) cookie: Option<HeaderValue>,
}

/// Renders the page for an app in this state. `target`: the requested path and query; `looks`: how often the page
/// has reloaded itself; `headers`: those of the request.
pub(super) fn page(
    app: &App,
    policy: &AppPolicy,
    (target, looks): (&str, u32),
    status: &Status,
    headers: &HeaderMap,
) -> Page {
    let progress = Progress::of(status, &policy.config, clock::now());
    let page = show(app, policy, (target, looks), &progress);
    // Once the app runs, there may be fewer seats than waiting pages.
    let has_seats = policy.config.max_sessions > 0;
    let cookie = has_seats.then(|| seats::set_cookie(headers, &policy.config.path)).flatten();
    Page { cookie, ..page }
}

/// Renders the page for an app with no free seat. `ahead`: the number of people ahead in the queue.
pub(super) fn page_for_seat(
    app: &App,
    policy: &AppPolicy,
    (target, looks): (&str, u32),
    ahead: usize,
    headers: &HeaderMap,
) -> Page {
    let page = show(app, policy, (target, looks), &Progress::full(ahead, 0));
    Page { cookie: seats::set_cookie(headers, &policy.config.path), ..page }
}

fn show(
    app: &App,
    policy: &AppPolicy,
    (target, looks): (&str, u32),
    progress: &Progress<'_>,
) -> Page {
    let wait_url = format!("{}/.ebbtide/wait", app_path(policy));
    let refresh_url = match looks < MOST_LOOKS {
        true => format!("{wait_url}?n={}&to={}", looks + 1, return_to::encode(target)),
        false => String::new(),
    };
    let values = PageValues {
        app: &app.name,
        state: progress.state,
        reason: progress.reason,
        output: &progress.output,
        elapsed: progress.elapsed,
        ahead: progress.ahead.unwrap_or(0),
        url: target,
        wait_url: &wait_url,
        refresh_url: &refresh_url,
    };
    let own = policy.config.waiting_page.as_ref().and_then(|page| {
        let told =
            |error| tracing::warn!(app = %app.name, %error, "the waiting page cannot be used");
        page.render(&values).map_err(told).ok()
    });
    let built_in = || BUILT_IN.as_ref()?.render(&values).ok();
    let html = own.or_else(built_in).unwrap_or_default();
    Page { reason: progress.page_reason(), html: html.into(), cookie: None }
}

/// The prefix of all of the app's paths.
fn app_path(policy: &AppPolicy) -> &str {
    policy.config.path.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_page_has_no_mistake_and_needs_nobody_else() {
        let text = include_str!("page.html");
        WaitingPage::compile(PathBuf::new(), text).unwrap();
        assert!(text.contains("rel=\"icon\" href=\"data:,\""), "no browser is to ask for one");
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("src="));
    }
}
