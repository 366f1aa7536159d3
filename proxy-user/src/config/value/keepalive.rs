//! The keepalive interval: a duration, or the name of a load balancer.

use std::time::Duration;

use super::{DAY, SECOND};
use crate::toml_file::{Kind, ValueError, duration, nearest, quote};

/// For each load balancer an interval below half of its idle timeout (in the comment), so that a connection
/// survives one lost or late ping.
const PRESETS: [(&str, Duration); 5] = [
    ("aws-alb", Duration::from_secs(25)),  // 60 s
    ("aws-nlb", Duration::from_secs(150)), // 350 s
    ("azure", Duration::from_secs(100)),   // 240 s
    ("gcp", Duration::from_secs(12)),      // 30 s
    ("nginx", Duration::from_secs(25)),    // 60 s
];

/// A duration or a preset.
pub(in super::super) fn interval() -> Kind<impl Fn(&str) -> Result<Duration, ValueError>> {
    let duration = duration(SECOND..=DAY);
    let parse = move |text: &str| {
        if let Some((_, interval)) = PRESETS.iter().find(|(name, _)| *name == text) {
            return Ok(*interval);
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return (duration.parse)(text);
        }
        let names = PRESETS.map(|(name, _)| name);
        let fix = match nearest(text, &names) {
            Some(name) => format!("did you mean \"{name}\"?"),
            None => format!("write a duration such as \"25s\", \"off\", or {}", names.join(", ")),
        };
        Err(ValueError::new(format!("{} is neither a duration nor a preset", quote(text)), fix))
    };
    Kind { wants: "a duration or preset", example: "\"25s\"", parse }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_leaves_room_for_a_lost_ping() {
        let timeouts =
            [("aws-alb", 60), ("aws-nlb", 350), ("azure", 240), ("gcp", 30), ("nginx", 60)];
        let Kind { parse, .. } = interval();
        for (name, timeout) in timeouts {
            assert!(2 * parse(name).unwrap() < Duration::from_secs(timeout), "{name}");
        }
        assert_eq!(parse("7s"), Ok(Duration::from_secs(7)));
        assert!(parse("aws-elb").unwrap_err().fix.contains("\"aws-alb\""));
        for text in ["", "alb", "500ms", "25"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
