//! Shares of a CPU core: `20%`.

use crate::toml_file::{Fixed, Kind, ValueError, quote};

pub(in super::super) const PERCENT: Fixed<u32> =
    Kind { wants: "a share of a core", example: "\"20%\"", parse: percent };

/// No machine has more cores than this.
const MOST: u32 = 100_000;

fn percent(text: &str) -> Result<u32, ValueError> {
    let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.filter(|number| (1..=MOST).contains(number)).ok_or_else(|| {
        ValueError::new(
            format!("{} is no share of a core", quote(text)),
            format!(
                "write \"off\", or from \"1%\" to \"{MOST}%\", where \"100%\" is one whole core"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_percents() {
        assert_eq!((percent("1%"), percent("250%")), (Ok(1), Ok(250)));
        for text in ["", "%", "20", "0%", "-1%", "+1%", "0.5%", "20 %", "100001%"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
