//! The body of an activity report: JSON with placeholders.

use std::fmt;

use crate::toml_file::{Fixed, Kind, ValueError, quote};

pub(in super::super) const TEMPLATE: Fixed<Template> =
    Kind { wants: "a template", example: "'{\"time\":\"{time}\"}'", parse: template };

const PLACEHOLDERS: [&str; 4] = ["{app}", "{time}", "{reason}", "{sessions}"];

/// JSON with the placeholders `{app}`, `{time}`, `{reason}` and `{sessions}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// The JSON for one report. `time`: RFC 3339, in UTC.
    #[must_use]
    pub fn fill(
        &self,
        app: &str,
        time: impl fmt::Display,
        reason: &str,
        sessions: usize,
    ) -> String {
        // No value contains a brace or a quote, so none can be taken for a placeholder or end a string.
        let filled = self.0.replace("{app}", app).replace("{time}", &time.to_string());
        filled.replace("{reason}", reason).replace("{sessions}", &sessions.to_string())
    }
}

fn template(text: &str) -> Result<Template, ValueError> {
    if let Some(unknown) = placeholders(text).find(|found| !PLACEHOLDERS.contains(found)) {
        let fix = format!("the known ones are {}", PLACEHOLDERS.join(", "));
        return Err(ValueError::new(format!("{} is no placeholder", quote(unknown)), fix));
    }
    let template = Template(text.to_owned());
    let filled = template.fill("app", "2026-01-31T12:00:00Z", "input", 3);
    is_json(&filled).map(|()| template)
}

/// Checks that a request's body is JSON.
pub(super) fn is_json(filled: &str) -> Result<(), ValueError> {
    serde_json::from_str::<serde::de::IgnoredAny>(filled).map(|_| ()).map_err(|error| {
        ValueError::new(
            format!("this is not JSON once it is filled in: {error}"),
            "write JSON, with a placeholder for text in double quotes",
        )
    })
}

/// Everything that looks like a placeholder: a word in braces, which JSON allows only inside strings.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(|(start, _)| {
        let inside = &text[start + 1..];
        let end = inside.find(|letter: char| !letter.is_ascii_alphabetic() && letter != '_')?;
        (end > 0 && inside[end..].starts_with('}')).then(|| &text[start..start + end + 2])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled() {
        let text = r#"{"lastRequestTimestamp":"{time}","n":{sessions},"who":{"app":"{app}"},"r":"{reason}"}"#;
        let filled = template(text).unwrap().fill("demo", "2026-01-31T12:00:00Z", "work", 12);
        let expected = r#"{"lastRequestTimestamp":"2026-01-31T12:00:00Z","n":12,"who":{"app":"demo"},"r":"work"}"#;
        assert_eq!(filled, expected);
        assert!(template("{}").is_ok() && template(r#""{time}""#).is_ok());
    }

    #[test]
    fn what_is_not_json_or_not_known_is_refused() {
        for text in ["", "{time}", r#"{"a":{time}}"#, r#"{"a":"{time}""#, r#"{'a':1}"#] {
            assert!(template(text).unwrap_err().why.contains("not JSON"), "{text}");
        }
        for text in [r#"{"a":"{tme}"}"#, r#"{"a":{Sessions}}"#] {
            assert!(template(text).unwrap_err().why.contains("no placeholder"), "{text}");
        }
    }
}
