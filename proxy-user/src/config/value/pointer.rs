//! JSON pointers: RFC 6901, and an extension with `*` for every member.

use std::borrow::Cow;

use serde_json::Value;

use crate::toml_file::{Fixed, Kind, ValueError, quote};

pub(in super::super) const POINTER: Fixed<String> =
    Kind { wants: "a JSON pointer", example: "\"/state\"", parse: pointer };

pub(in super::super) const POINTERS: Fixed<Pointer> =
    Kind { wants: "a JSON pointer", example: "\"/*/execution_state\"", parse: pointers };

/// A JSON pointer in which `*` matches every member of a list or object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Every,
    Member(String),
}

impl Pointer {
    /// The values at these places.
    #[must_use]
    pub fn find<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![root];
        for step in &self.0 {
            let inside = |value: &'a Value| match (step, value) {
                (Step::Every, Value::Array(items)) => items.iter().collect(),
                (Step::Every, Value::Object(members)) => members.values().collect(),
                (Step::Member(name), Value::Object(members)) => Vec::from_iter(members.get(name)),
                (Step::Member(name), Value::Array(items)) => Vec::from_iter(item(items, name)),
                _ => Vec::new(),
            };
            found = found.into_iter().flat_map(inside).collect();
        }
        found
    }
}

/// A string itself; a number, boolean or null in its JSON form; `None` for a list or an object.
#[must_use]
pub fn word(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string().into()),
    }
}

/// RFC 6901 section 4: digits without a leading zero.
fn item<'a>(items: &'a [Value], name: &str) -> Option<&'a Value> {
    let plain = name == "0" || !name.starts_with(['0', '+']);
    items.get(name.parse::<usize>().ok().filter(|_| plain)?)
}

fn pointer(text: &str) -> Result<String, ValueError> {
    let wrong = |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote(text)), fix);
    if !text.is_empty() && !text.starts_with('/') {
        let fix = format!("write a slash before each name, such as {}", quote(&format!("/{text}")));
        return Err(wrong("does not start with /", &fix));
    }
    if text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        return Err(wrong("has a ~ by itself", "write ~0 for ~ and ~1 for / in a name (RFC 6901)"));
    }
    Ok(text.to_owned())
}

fn pointers(text: &str) -> Result<Pointer, ValueError> {
    let text = pointer(text)?;
    let step = |name: &str| match name {
        "*" => Step::Every,
        name => Step::Member(name.replace("~1", "/").replace("~0", "~")),
    };
    Ok(Pointer(text.split('/').skip(1).map(step).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_found() {
        let kernels = json!([{"execution_state": "idle"}, {"execution_state": "busy"}, {}]);
        let find = |text: &str| {
            pointers(text).unwrap().find(&kernels).into_iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(find("/*/execution_state"), [json!("idle"), json!("busy")]);
        assert_eq!(find("/1/execution_state"), [json!("busy")]);
        assert!(find("/01/execution_state").is_empty() && find("/9").is_empty());
        assert!(find("/*/*/x").is_empty());
        let odd = json!({"a/b": {"~": 1}, "": 2, "*": 3});
        assert_eq!(pointers("/a~1b/~0").unwrap().find(&odd), [&json!(1)]);
        assert_eq!(pointers("/").unwrap().find(&odd), [&json!(2)]);
        assert_eq!(pointers("").unwrap().find(&odd), [&odd]);
        assert_eq!(pointers("/*").unwrap().find(&odd).len(), 3);
    }

    #[test]
    fn words() {
        assert_eq!(word(&json!("Running")).unwrap(), "Running");
        assert_eq!(word(&json!(true)).unwrap(), "true");
        assert_eq!(word(&json!(3)).unwrap(), "3");
        assert_eq!(word(&json!({})), None);
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for text in ["state", "a/b", "/a~", "/a~2"] {
            assert!(pointer(text).is_err(), "{text}");
        }
    }
}
