use super::*;

const PRAGUE: &str = "Europe/Prague";

fn window(days: &[u8], opens: u16, closes: u16, zone: &str) -> Window {
    let mut set = Days::default();
    days.iter().for_each(|day| set.insert(*day));
    Window { days: set, opens, closes, zone: TimeZone::get(zone).unwrap() }
}

fn unix(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// Each change after `from`, and whether the windows are open then.
fn changes(windows: &[Window], from: &str, count: usize) -> Vec<String> {
    let mut at = unix(from);
    let mut shown = Vec::new();
    while shown.len() < count {
        let Some(next) = next_change(windows, at) else { break };
        assert!(next > at, "{windows:?} {at}");
        assert_ne!(is_open(windows, next - 1), is_open(windows, next), "{windows:?} {next}");
        at = next;
        let word = if is_open(windows, at) { "opens" } else { "closes" };
        shown.push(format!("{} {word}", Timestamp::from_second(at).unwrap()));
    }
    shown
}

#[test]
fn working_hours() {
    let windows = [window(&[0, 1, 2, 3, 4], 7 * 60 + 30, 18 * 60, PRAGUE)];
    // A Friday in winter: Prague is one hour ahead of UTC.
    let expected = [
        "2026-01-30T17:00:00Z closes",
        "2026-02-02T06:30:00Z opens",
        "2026-02-02T17:00:00Z closes",
    ];
    assert_eq!(changes(&windows, "2026-01-30T12:00:00Z", 3), expected);
    assert!(!is_open(&windows, unix("2026-01-31T12:00:00Z")), "Saturday");
}

#[test]
fn over_midnight_the_day_is_that_of_the_opening() {
    let windows = [window(&[4], 22 * 60, 6 * 60, "UTC")];
    let expected = ["2026-01-30T22:00:00Z opens", "2026-01-31T06:00:00Z closes"];
    assert_eq!(changes(&windows, "2026-01-30T05:00:00Z", 2), expected);
    assert!(!is_open(&windows, unix("2026-01-30T05:00:00Z")), "Friday morning is Thursday's");
    assert!(is_open(&windows, unix("2026-01-31T05:59:59Z")));
    assert!(!is_open(&windows, unix("2026-01-31T06:00:00Z")));
}

/// On 2026-03-29 clocks in Prague go from 02:00 to 03:00, at 01:00 UTC.
#[test]
fn a_skipped_hour() {
    let from = "2026-03-28T12:00:00Z";
    let across = [window(&[6], 60, 150, PRAGUE)];
    let expected = ["2026-03-29T00:00:00Z opens", "2026-03-29T01:00:00Z closes"];
    assert_eq!(changes(&across, from, 2), expected);
    let inside = [window(&[6], 130, 150, PRAGUE)];
    assert_eq!(changes(&inside, from, 1), ["2026-04-05T00:10:00Z opens"], "a week later");
}

/// On 2026-10-25 clocks in Prague go from 03:00 to 02:00, at 01:00 UTC.
#[test]
fn an_hour_that_comes_twice() {
    let windows = [window(&[6], 150, 160, PRAGUE)];
    let expected = ["2026-10-25T00:30:00Z opens", "2026-10-25T01:40:00Z closes"];
    assert_eq!(changes(&windows, "2026-10-24T12:00:00Z", 2), expected);
}

#[test]
fn windows_that_touch_are_one() {
    let windows = [
        window(&[0], 8 * 60, 12 * 60, "UTC"),
        window(&[0], 12 * 60, 14 * 60, "UTC"),
        window(&[0], 14 * 60, 18 * 60, PRAGUE),
    ];
    let expected = ["2026-02-02T08:00:00Z opens", "2026-02-02T17:00:00Z closes"];
    assert_eq!(changes(&windows, "2026-02-01T00:00:00Z", 2), expected);
}

#[test]
fn always_and_never() {
    let mut always = window(&[], 0, 1440, PRAGUE);
    always.days = Days::ALL;
    assert!(is_open(&[always.clone()], unix("2026-03-29T01:00:00Z")));
    assert_eq!(next_change(&[always], unix("2026-03-20T01:00:00Z")), None);
    assert!(!is_open(&[], 0));
    assert_eq!(next_change(&[], 0), None);
    let windows = [window(&[0], 0, 60, "UTC")];
    for time in [i64::MIN, i64::MAX, 253_402_207_200, -377_705_023_201] {
        let _ = (is_open(&windows, time), next_change(&windows, time));
    }
}

/// Checks every quarter of an hour of a year, in zones with odd rules.
#[test]
fn the_next_change_is_where_the_answer_changes() {
    for zone in ["America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"] {
        let windows = [window(&[0, 2, 6], 90, 165, zone), window(&[5, 6], 1320, 135, zone)];
        let (start, step) = (unix("2026-01-01T00:00:00Z"), 900);
        let mut next = next_change(&windows, start);
        let mut open = is_open(&windows, start);
        for time in (start..start + 366 * 86_400).step_by(step) {
            if next.is_some_and(|next| next <= time) {
                open = !open;
                next = next_change(&windows, time);
            }
            assert_eq!(is_open(&windows, time), open, "{zone} {time}");
        }
    }
}
