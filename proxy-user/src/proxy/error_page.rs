//! The page that a person gets in place of a line of text when Ebbtide itself answers 404, 502, 503 or 504. It
//! looks like the waiting page, whose style it has.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, StatusCode};
use ring::digest::{SHA256, digest};

const PAGE: &str = include_str!("error_page.html");
const AGAIN: &str = "<a id=\"again\" role=\"button\" href=\"\">Try again</a>";

/// The style sheet of the waiting page.
static STYLE: LazyLock<&str> = LazyLock::new(|| {
    let page = include_str!("waiting/page.html");
    let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    style.map_or("", |(style, _)| style)
});

/// `Content-Security-Policy` of the page: nothing but this style sheet.
pub(super) static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    HeaderValue::try_from(format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; \
         form-action 'none'"
    ))
    .ok()
});

/// The page for an answer; `None` = its status has none. `text`: a sentence without markup.
pub(super) fn page(status: StatusCode, reason: &str, text: &str) -> Option<String> {
    let (title, again) = match status {
        StatusCode::NOT_FOUND => ("Nothing is here", ""),
        StatusCode::BAD_GATEWAY => ("The app cannot be reached", AGAIN),
        StatusCode::SERVICE_UNAVAILABLE => ("Not available at the moment", AGAIN),
        StatusCode::GATEWAY_TIMEOUT => ("The app did not answer in time", AGAIN),
        _ => return None,
    };
    let page = PAGE.replace("[title]", title).replace("[says]", text);
    let page = page.replace("[status]", status.as_str()).replace("[reason]", reason);
    Some(page.replace("[again]", again).replace("[style]", &STYLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_whole_and_needs_nobody_else() {
        let page = page(StatusCode::BAD_GATEWAY, "app-broken", "It broke.").unwrap();
        assert!(page.contains(">It broke.<") && page.contains("502 · app-broken"), "{page}");
        assert!(page.contains("prefers-color-scheme: dark"), "it has the waiting page's style");
        assert!(!page.contains("<script") && !page.contains("http"), "{page}");
        assert!(POLICY.is_some());
    }
}
