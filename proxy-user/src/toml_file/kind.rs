//! Kinds of value that are written as strings.

use std::str::FromStr;

use super::mistake::ValueError;

/// A kind of value that is written as a string: its name for people, and its parser.
pub(crate) struct Kind<F> {
    /// With its article, such as "a duration".
    pub(crate) wants: &'static str,
    /// As written in TOML, quotes included.
    pub(crate) example: &'static str,
    /// Gets the text without quotes.
    pub(crate) parse: F,
}

/// A kind whose parser is a plain function.
pub(crate) type Fixed<T> = Kind<fn(&str) -> Result<T, ValueError>>;

/// The kind of a type that implements `FromStr`.
pub(crate) fn kind<T: FromStr<Err = ValueError>>(
    wants: &'static str,
    example: &'static str,
) -> Kind<impl Fn(&str) -> Result<T, ValueError>> {
    Kind { wants, example, parse: |text: &str| text.parse() }
}

/// The same kind, or "off" for none.
pub(crate) fn or_off<T>(
    kind: Kind<impl Fn(&str) -> Result<T, ValueError>>,
) -> Kind<impl Fn(&str) -> Result<Option<T>, ValueError>> {
    let Kind { wants, example, parse } = kind;
    let parse = move |text: &str| if text == "off" { Ok(None) } else { parse(text).map(Some) };
    Kind { wants, example, parse }
}
