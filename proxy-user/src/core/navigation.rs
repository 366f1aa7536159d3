//! Whether a request is somebody opening a page, or a page loading itself.
//!
//! Browsers say so in Fetch Metadata (W3C `Sec-Fetch-*`); those that do not are judged by `Accept`.

use http::header::{ACCEPT, HeaderMap, HeaderName, REFERER};
use http::{Method, Uri};

const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const USER: HeaderName = HeaderName::from_static("sec-fetch-user");

/// How a request relates to opening a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Navigation {
    /// Somebody opens a page, follows a link or presses reload.
    Visit,
    /// The page's own script reloads it.
    Reload,
    /// A page loads a part of itself: a script, a style, an image, a font.
    Part,
    /// Anything else.
    Other,
}

/// Classifies a request.
#[must_use]
pub fn navigation(method: &Method, uri: &Uri, headers: &HeaderMap) -> Navigation {
    let field = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if method != Method::GET {
        return Navigation::Other;
    }
    match (field(&MODE), field(&DEST)) {
        (Some("navigate"), dest) => {
            let by_script = field(&USER).is_none() && field(&SITE) == Some("same-origin");
            let itself = field(&REFERER).is_some_and(|page| same_page(page, uri));
            match by_script && itself && dest == Some("document") {
                true => Navigation::Reload,
                false => Navigation::Visit,
            }
        }
        (Some("websocket"), _) | (Some(_), Some("empty")) => Navigation::Other,
        (Some(_), Some(_)) => Navigation::Part,
        _ if field(&ACCEPT).is_some_and(|accept| accept.contains("text/html")) => Navigation::Visit,
        _ => Navigation::Other,
    }
}

/// Whether the page that asks is the page that is asked for.
fn same_page(referer: &str, asked: &Uri) -> bool {
    let page: Option<Uri> = referer.parse().ok();
    page.is_some_and(|page| page.path_and_query() == asked.path_and_query())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(target: &str, fields: &[(&'static str, &'static str)]) -> Navigation {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, http::HeaderValue::from_static(value));
        }
        let uri: Uri = target.parse().unwrap_or_default();
        navigation(&Method::GET, &uri, &headers)
    }

    /// As sent by Chromium 156.
    #[test]
    fn a_browser_says_who_loads_a_page() {
        let typed = [
            ("sec-fetch-site", "none"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-user", "?1"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(judge("/one", &typed), Navigation::Visit);
        let script = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("referer", "http://demo.localhost:8080/one?x=1"),
        ];
        assert_eq!(judge("/one?x=1", &script), Navigation::Reload);
        assert_eq!(judge("/two", &script), Navigation::Visit, "a redirect after a login");
        let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        assert_eq!(judge("/", &frame), Navigation::Visit);
        let image = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
        assert_eq!(judge("/a.png", &image), Navigation::Part);
        let fetch = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "*/*")];
        assert_eq!(judge("/api", &fetch), Navigation::Other);
        let socket = [("sec-fetch-mode", "websocket"), ("sec-fetch-dest", "empty")];
        assert_eq!(judge("/ws", &socket), Navigation::Other);
    }

    #[test]
    fn an_older_browser_is_judged_by_what_it_accepts() {
        assert_eq!(judge("/", &[("accept", "text/html,*/*;q=0.8")]), Navigation::Visit);
        assert_eq!(judge("/", &[("accept", "*/*")]), Navigation::Other);
        assert_eq!(judge("/", &[]), Navigation::Other);
    }
}
