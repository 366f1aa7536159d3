//! The waiting page: a template, the built-in one or `waiting_page`.

use std::path::PathBuf;
use std::sync::Arc;

use minijinja::{Environment, UndefinedBehavior, context};
use thiserror::Error;

/// The `.html` ending turns on HTML escaping.
const NAME: &str = "page.html";

/// Limits the steps of rendering, so that no page runs forever.
const FUEL: u64 = 1_000_000;

/// A template, as it was when the configuration was read.
#[derive(Clone, Debug)]
pub struct WaitingPage {
    /// The template's file.
    pub file: PathBuf,
    text: Arc<str>,
    templates: Arc<Environment<'static>>,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{message}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct PageError {
    /// Counted from 1, if known.
    pub line: Option<usize>,
    /// A sentence.
    pub message: String,
}

/// The values of a page's variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageValues<'a> {
    /// The app's name.
    pub app: &'a str,
    /// `starting`, `suspended`, `failed`, `disabled`, `full` or `running`.
    pub state: &'a str,
    /// Why the app failed, or where to find out if visitors may not see it; empty in every other state.
    pub reason: &'a str,
    /// The last lines of the app's output, if it failed and visitors may see them; otherwise empty.
    pub output: &'a str,
    /// Whole seconds in this state.
    pub elapsed: u64,
    /// How many people wait for a seat before this page, if all are taken (`full`); otherwise 0.
    pub ahead: usize,
    /// The requested path and query.
    pub url: &'a str,
    /// The URL of the progress reports.
    pub wait_url: &'a str,
    /// The URL of the page itself, which redirects to `url` once the app runs. Empty after too many
    /// reloads.
    pub refresh_url: &'a str,
}

impl WaitingPage {
    /// The largest size in bytes.
    pub const LARGEST: u64 = 256 * 1024;

    /// The names that a template may use.
    pub const VARIABLES: [&'static str; 9] =
        ["app", "state", "reason", "output", "elapsed", "ahead", "url", "wait_url", "refresh_url"];

    /// Reads a template and tries it in every state.
    ///
    /// # Errors
    /// A mistake in its syntax, its variables, or their use.
    pub fn compile(file: PathBuf, text: &str) -> Result<WaitingPage, PageError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_fuel(Some(FUEL));
        templates.add_template_owned(NAME, text.to_owned())?;
        let template = templates.get_template(NAME)?;
        let is_known = |name: &str| {
            Self::VARIABLES.contains(&name) || templates.globals().any(|(known, _)| known == name)
        };
        let mut unknown: Vec<_> = template.undeclared_variables(false).into_iter().collect();
        unknown.retain(|name| !is_known(name));
        unknown.sort();
        if let Some(name) = unknown.first() {
            let known = Self::VARIABLES.join(", ");
            let message = format!("`{name}` is none of its variables, which are {known}");
            return Err(PageError { line: line_of(text, name), message });
        }
        let page = WaitingPage { file, text: text.into(), templates: Arc::new(templates) };
        let tried = PageValues { app: "demo", url: "/", wait_url: "/", ..PageValues::default() };
        for (state, reason, output) in [
            ("starting", "", ""),
            ("suspended", "", ""),
            ("failed", "why", ""),
            ("failed", "why", "a line"),
            ("disabled", "", ""),
            ("full", "", ""),
            ("running", "", ""),
        ] {
            page.render(&PageValues { state, reason, output, ..tried })?;
        }
        Ok(page)
    }

    /// The page as HTML.
    ///
    /// # Errors
    /// The template fails with these values.
    pub fn render(&self, values: &PageValues<'_>) -> Result<String, PageError> {
        let PageValues { app, state, reason, output, elapsed, ahead, url, wait_url, refresh_url } =
            *values;
        let values = context! {
            app, state, reason, output, elapsed, ahead, url, wait_url, refresh_url
        };
        Ok(self.templates.get_template(NAME)?.render(values)?)
    }
}

impl PartialEq for WaitingPage {
    fn eq(&self, other: &WaitingPage) -> bool {
        self.file == other.file && self.text == other.text
    }
}

impl Eq for WaitingPage {}

impl From<minijinja::Error> for PageError {
    fn from(error: minijinja::Error) -> PageError {
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        PageError { line: error.line(), message }
    }
}

/// The first line with this word inside a template tag.
fn line_of(text: &str, word: &str) -> Option<usize> {
    let mut before = 0;
    for (at, _) in text.match_indices(word) {
        let opened = text[..at].rfind("{{").max(text[..at].rfind("{%"));
        let closed = text[..at].rfind("}}").max(text[..at].rfind("%}"));
        before = at;
        if opened > closed {
            break;
        }
    }
    Some(1 + text[..before].matches('\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(text: &str) -> Result<WaitingPage, PageError> {
        WaitingPage::compile(PathBuf::new(), text)
    }

    fn mistake(text: &str) -> String {
        compile(text).unwrap_err().to_string()
    }

    #[test]
    fn values_are_text_and_no_markup() {
        let page = compile("<p title=\"{{ url }}\">{{ app }}: {{ reason }}").unwrap();
        let values = PageValues {
            app: "a&b",
            url: "/\"onload='x'",
            reason: "<script>",
            ..PageValues::default()
        };
        let html = page.render(&values).unwrap();
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
        assert!(html.contains("a&amp;b") && html.matches('"').count() == 2, "{html}");
        assert!(!html.contains('\''), "{html}");
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        assert!(
            mistake("a\n{{ app").starts_with("line 2: syntax error"),
            "{}",
            mistake("a\n{{ app")
        );
        let unknown = mistake("colour\n\n{% if state == 'failed' %}{{ colour }}{% endif %}");
        assert!(unknown.starts_with("line 3: `colour` is none of its variables"), "{unknown}");
        let filter = mistake("\n{% if state == 'disabled' %}\n{{ app|loud }}{% endif %}");
        assert!(filter.starts_with("line 3: unknown filter"), "{filter}");
        assert!(mistake("{{ app.name }}").starts_with("line 1: undefined value"));
        assert!(mistake("{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}").contains("fuel"));
    }

    #[test]
    fn a_template_may_have_variables_of_its_own() {
        let page =
            compile("{% set words = {'starting': 'Starting'} %}{{ words[state] | default(app) }}");
        let values = PageValues { app: "demo", state: "failed", ..PageValues::default() };
        assert_eq!(page.unwrap().render(&values).unwrap(), "demo");
    }
}
