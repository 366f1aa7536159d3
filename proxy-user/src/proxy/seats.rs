//! The seat phase of a request: a person who opens an app with no free seat gets the waiting page.
//!
//! A browser is recognised by a cookie that the waiting page sets. A browser that refuses cookies is recognised
//! by its address and `User-Agent`, which other browsers may share.

use http::header::{COOKIE, HeaderMap};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method};

use super::answer::Answer;
use super::judge::RequestContext;
use super::waiting;
use crate::clock;
use crate::core::navigation::Navigation;
use crate::core::seat_queue::Browser;

/// The cookie's name.
const NAME: &str = "ebbtide-seat";
/// How long a browser keeps the cookie, in seconds. Longer than anybody waits.
const MAX_AGE: u32 = 24 * 3600;

/// Lets a request pass, unless it is a person's navigation and all seats are taken.
///
/// # Errors
/// The waiting page.
pub(super) fn enter(context: &RequestContext, headers: &HeaderMap) -> Result<(), Answer> {
    let RequestContext { app, policy, .. } = context;
    if policy.config.max_sessions == 0 || !opens_app(context.navigation, headers) {
        return Ok(());
    }
    let ahead = match app.seats.enter(browser(headers, context.client), clock::now()) {
        Ok(()) => return Ok(()),
        Err(ahead) => ahead,
    };
    let target = context.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    Err(Answer::Page(waiting::page_for_seat(app, policy, (target, 0), ahead, headers)))
}

/// Whether a request opens the app. The frames of the app's own pages share the seat of their page.
fn opens_app(navigation: Navigation, headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|field| field == value);
    let is_own_frame = !is("sec-fetch-dest", "document") && is("sec-fetch-site", "same-origin");
    matches!(navigation, Navigation::Visit | Navigation::Reload) && !is_own_frame
}

/// The browser that sent a request. `client` identifies it if it has no cookie.
pub(super) fn browser(headers: &HeaderMap, client: u64) -> Browser {
    cookie(headers).unwrap_or(Browser(client.into()))
}

/// Whether a poll of `.ebbtide/wait` comes from a waiting page, that is, from somebody who waits for a seat.
/// Scripts and monitors poll too, and must not hold seats that they never use.
pub(super) fn waits(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::GET && cookie(headers).is_some()
}

/// The browser's cookie, if it has a valid one.
fn cookie(headers: &HeaderMap) -> Option<Browser> {
    let fields = headers.get_all(COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut pairs = fields.flat_map(|field| field.split(';')).map(str::trim);
    let value = pairs.find_map(|pair| pair.strip_prefix(NAME)?.strip_prefix('='))?;
    let is_ours = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(value, 16).ok().filter(|_| is_ours).map(Browser)
}

/// A new cookie for a browser that has none, valid below `path`.
pub(super) fn set_cookie(headers: &HeaderMap, path: &str) -> Option<HeaderValue> {
    if cookie(headers).is_some() || path.contains([';', ',']) {
        return None;
    }
    let mut number = [0; 16];
    getrandom::fill(&mut number).ok()?;
    let number = u128::from_ne_bytes(number);
    let attributes = format!("Path={path}; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&format!("{NAME}={number:032x}; {attributes}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_browser_is_known_by_what_it_was_given() {
        let given = set_cookie(&HeaderMap::new(), "/x").unwrap();
        let pair = given.to_str().unwrap().split(';').next().unwrap();
        let known = headers(&[("cookie", "a=b"), ("cookie", &format!("c=d; {pair}"))]);
        assert_ne!(browser(&known, 7), Browser(7));
        assert_eq!(browser(&known, 7), browser(&known, 8));
        assert_eq!(set_cookie(&known, "/x"), None);
        for other in
            ["ebbtide-seat=1", "ebbtide-seat", "xebbtide-seat=00000000000000000000000000000001"]
        {
            assert_eq!(browser(&headers(&[("cookie", other)]), 7), Browser(7), "{other}");
        }
    }

    #[test]
    fn an_app_is_opened_by_a_page_and_not_by_its_frames() {
        let visit =
            |fields: &[(&'static str, &str)]| opens_app(Navigation::Visit, &headers(fields));
        assert!(visit(&[]));
        assert!(visit(&[("sec-fetch-dest", "document"), ("sec-fetch-site", "same-origin")]));
        assert!(visit(&[("sec-fetch-dest", "iframe"), ("sec-fetch-site", "cross-site")]));
        assert!(!visit(&[("sec-fetch-dest", "iframe"), ("sec-fetch-site", "same-origin")]));
        assert!(!opens_app(Navigation::Part, &HeaderMap::new()));
    }
}
