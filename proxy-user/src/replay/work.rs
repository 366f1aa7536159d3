//! Work in a recording: what is known about it (`work.jsonl`), and how much of it the rules detected.

use serde::Serialize;

use super::line::Line;

/// From and to, in seconds of the recording.
type Span = (f64, f64);

/// What is known about work in one recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    /// When the app was working.
    worked: Vec<Span>,
    /// When the traffic showed it.
    shown: Vec<Span>,
}

/// How much of the work was detected, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct WorkSeen {
    /// Work in the recording.
    pub worked: f64,
    /// Work that was missed although the traffic showed it.
    pub missed: f64,
    /// Work that was missed because the traffic did not show it.
    pub unseen: f64,
    /// Work that was detected although there was none.
    pub imagined: f64,
}

impl Truth {
    /// Reads a line of `work.jsonl`.
    pub(super) fn read(line: &Line) -> Truth {
        let list = |key| line.decimals(key);
        let (begins, ends) = (list("begins"), list("ends"));
        let (sign_begins, sign_ends) = (list("sign_begins"), list("sign_ends"));
        // Somebody closes the tab, presses stop, and so on.
        let acts = line.moments("person");
        let mut truth = Truth::default();
        let at = |list: &[Option<f64>], index: usize| list.get(index).copied().flatten();
        for index in 0..begins.len() {
            let Some(begin) = at(&begins, index) else { continue };
            let sign = at(&sign_begins, index);
            // If no end was visible, nothing is visible once the tab is closed.
            let left = acts.iter().copied().filter(|act| *act > begin).fold(f64::MAX, f64::min);
            let end = at(&ends, index);
            let sign_end = at(&sign_ends, index).unwrap_or(left.min(end.unwrap_or(left)));
            truth.worked.push((begin, end.unwrap_or(sign_end)));
            if let Some(sign) = sign {
                truth.shown.push((sign, sign_end));
            }
        }
        truth
    }

    /// Compares the detected work with the truth, until `last`.
    pub(super) fn measure(&self, seen: &[Span], last: f64) -> WorkSeen {
        let until =
            |spans: &[Span]| union(spans.iter().map(|(from, to)| (*from, to.min(last))).collect());
        let (worked, shown, seen) = (until(&self.worked), until(&self.shown), until(seen));
        let visible = common(&worked, &shown);
        let missed = length(&visible) - length(&common(&visible, &seen));
        let all = length(&worked) - length(&common(&worked, &seen));
        let round = |seconds: f64| ((seconds * 100.0).round() / 100.0).max(0.0) + 0.0;
        WorkSeen {
            worked: round(length(&worked)),
            missed: round(missed),
            unseen: round(all - missed),
            imagined: round(length(&seen) - length(&common(&worked, &seen))),
        }
    }
}

/// The same time as ordered spans that do not overlap.
fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|(from, to)| from < to);
    spans.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut joined: Vec<Span> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// The time in both.
fn common(one: &[Span], other: &[Span]) -> Vec<Span> {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1))));
    union(pairs.collect())
}

fn length(spans: &[Span]) -> f64 {
    spans.iter().map(|(from, to)| to - from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_measured_against_what_was() {
        let line = r#"{"begins": [10, 100, 200], "ends": [70, 160, 230], "sign_begins": [10.5, 100, null],
            "sign_ends": [71, null, null], "person": [[110, "tab closed"]]}"#;
        let truth = Truth::read(&Line::parse(line).unwrap());
        let all = truth.measure(&[(10.5, 71.0), (100.0, 110.0)], 300.0);
        let expected = WorkSeen { worked: 150.0, missed: 0.0, unseen: 80.5, imagined: 1.0 };
        assert_eq!(all, expected);
        let none = truth.measure(&[(0.0, 5.0)], 150.0);
        let expected = WorkSeen { worked: 110.0, missed: 69.5, unseen: 40.5, imagined: 5.0 };
        assert_eq!(none, expected);
    }
}
