//! The answer in plain words. The proxy has already escaped what clients chose (paths).

use std::fmt::Write;

use super::life;
use crate::core::{cadence, cpu};
use crate::views::{
    Alternative, AppDetail, AppView, HintView, LastActivity, ShadowView, TrafficView,
};

/// How many rules to show; the JSON has all.
const RULES: usize = 12;
/// How many history entries to show.
const ENTRIES: usize = 8;

/// Gathers lines under headings.
struct Page {
    text: String,
    colour: bool,
}

impl Page {
    fn heading(&mut self, text: &str) {
        let (on, off) = if self.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.push(&format!("{gap}{on}{text}{off}"));
    }

    fn line(&mut self, text: &str) {
        self.push(&format!("  {text}"));
    }

    fn push(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// Why the app is awake.
pub(super) fn tell(detail: &AppDetail, colour: bool) -> String {
    let mut page = Page { text: String::new(), colour };
    let view = &detail.view;
    page.heading(&state(view));
    if let Some(life) = life::tell(view) {
        page.line(&life);
    }
    activity(&mut page, view);
    work(&mut page, view);
    ignored(&mut page, view);
    suspension(&mut page, view);
    packs(&mut page, view);
    history(&mut page, detail);
    hints(&mut page, detail);
    page.text
}

/// All apps in brief.
pub(super) fn tell_all(apps: &[AppView], colour: bool) -> String {
    let mut page = Page { text: String::new(), colour };
    for view in apps {
        page.heading(&state(view));
        match &view.last_activity {
            Some(last) => {
                page.line(&format!(
                    "Last activity {}: {}.",
                    ago(last.ago_seconds),
                    what(&last.traffic)
                ));
            }
            None => page.line("No activity since Ebbtide started."),
        }
        match (&view.suspends_at, &view.shadow, life::tell(view)) {
            (Some(at), ..) => page.line(&format!("It will be suspended at {at}.")),
            (None, Some(shadow), _) => page.line(&format!("{}.", due(shadow))),
            (None, None, Some(life)) if view.state != "running" => page.line(&life),
            (None, None, _) => page.line("It is never suspended."),
        }
    }
    match apps {
        [] => page.line("There is no app."),
        _ => page.heading("`ebbtide explain NAME` says more about one app."),
    }
    page.text
}

/// The app's current state.
fn state(view: &AppView) -> String {
    let state = match view.state.as_str() {
        "failed" if view.life.driver.is_none() => "accepts no connections",
        "failed" => "has failed",
        state => &format!("is {state}"),
    };
    format!("{} {state}, with {}.", view.app, sessions(view.sessions))
}

fn activity(page: &mut Page, view: &AppView) {
    page.heading("Last activity");
    let Some(LastActivity { at, ago_seconds, traffic }) = &view.last_activity else {
        page.line("None since Ebbtide started.");
        return;
    };
    page.line(&format!("{}, at {at}: {}.", ago(*ago_seconds), what(traffic)));
    page.line(match &traffic.rule {
        Some(rule) => return page.line(&format!("It counts: {rule} recognises it as a person's.")),
        None if traffic.reason == "output" => {
            "Output counts: count = \"input\" would leave it out."
        }
        None => "No rule ignores it, so it counts.",
    });
}

fn work(page: &mut Page, view: &AppView) {
    let work = &view.work;
    if work.since.is_none() && work.open.is_empty() && work.last_ended.is_none() {
        return;
    }
    page.heading("Work in progress");
    match (&work.since, work.seconds, &work.last_ended) {
        (Some(since), Some(seconds), _) => {
            page.line(&format!("At work for somebody for {}, since {since}.", span(seconds)));
        }
        (_, _, Some(ended)) => page.line(&format!("None now; the last one ended at {ended}.")),
        _ => page.line("None that keeps the app awake."),
    }
    for open in &work.open {
        if open.rule == cpu::RULE {
            let percent = work.cpu_percent.unwrap_or_default();
            page.line(&format!(
                "its CPU, {percent:.0} % of one core over the last minute, since {}.",
                open.since
            ));
            continue;
        }
        let whose = match open.by.as_str() {
            "page" => "started by a page itself, which keeps nothing awake",
            _ if open.watched => "asked for by somebody",
            _ => "asked for by somebody who has gone since",
        };
        page.line(&format!("{}: {}, since {}, {whose}.", open.rule, open.count, open.since));
    }
}

fn ignored(page: &mut Page, view: &AppView) {
    page.heading("Ignored as automatic traffic");
    if view.ignored.is_empty() && view.ignored_output == 0 {
        page.line("Nothing so far.");
    }
    for rule in view.ignored.iter().take(RULES) {
        let whose = rule.session.map_or("by a request".to_owned(), |id| format!("in session {id}"));
        page.line(&format!(
            "{} ({}): {}, last {} {whose}.",
            rule.rule,
            rule.reason,
            times(rule.count),
            ago(rule.ago_seconds)
        ));
    }
    if view.ignored.len() > RULES {
        page.line(&format!("And by {} more rules: see --json.", view.ignored.len() - RULES));
    }
    if view.ignored_output > 0 {
        let messages = match view.ignored_output {
            1 => "1 message".to_owned(),
            many => format!("{many} messages"),
        };
        page.line(&format!(
            "{messages} of the app did not count; count = \"both\" would count them."
        ));
    }
}

fn suspension(page: &mut Page, view: &AppView) {
    page.heading("Suspension");
    let Some(idle_after) = view.idle_after_seconds else {
        page.line("Never: the app has no idle_after.");
        return;
    };
    let idle_after = span(idle_after);
    match (&view.suspends_at, &view.shadow) {
        (Some(at), _) => {
            let left = view.suspends_in_seconds.map_or(String::new(), |left| format!(", in {}", span(left)));
            page.line(&format!("At {at}{left}, if nothing counts until then."));
            page.line(&format!("That is {idle_after} after its last activity or start."));
        }
        (None, Some(shadow)) => {
            let since = match view.last_activity {
                Some(_) => format!("{idle_after} after its last activity"),
                None => format!("{idle_after} after Ebbtide began to watch it"),
            };
            compare(page, shadow, &since);
        }
        (None, None) if view.life.driver.is_none() => page.line(&format!(
            "Never: the app has no driver. on_idle = \"shadow\" would tell when {idle_after} without \
             activity have passed."
        )),
        (None, None) if view.state == "running" => {
            page.line("Not now: it is inside one of its keep_awake times.");
        }
        (None, None) => page.line(&format!("When it runs: after {idle_after} without activity.")),
    }
}

/// What would have happened with each way of counting.
fn compare(page: &mut Page, shadow: &ShadowView, since: &str) {
    match shadow.suspended {
        true => page.line(&format!("{}: {since}.", due(shadow))),
        false => page.line(&format!("{}, if nothing counts until then.", due(shadow))),
    }
    page.line("on_idle = \"shadow\" only says so. Other ways of counting:");
    page.line(&format!(
        "  any data frame or request: {}.",
        alternative(&shadow.others.opcode_only)
    ));
    page.line(&format!("  open connections: {}.", alternative(&shadow.others.presence)));
    let sums = &shadow.suspended_seconds;
    page.line(&format!(
        "In {} it would have been suspended {}, for {}; by data frames for {}, by connections for {}.",
        span(shadow.watched_seconds),
        times(shadow.times),
        span(sums.counted),
        span(sums.opcode_only),
        span(sums.presence)
    ));
}

/// When, without a full stop.
fn due(shadow: &ShadowView) -> String {
    let (at, seconds) = (&shadow.suspends_at, shadow.suspends_in_seconds);
    match shadow.suspended {
        true => format!("It would have been suspended {}, at {at}", ago(-seconds)),
        false => format!("It would be suspended in {}, at {at}", span(seconds)),
    }
}

fn alternative(other: &Alternative) -> String {
    match (&other.suspends_at, other.held_by_sessions) {
        (Some(at), _) if other.suspended => format!("at {at}"),
        (Some(at), _) => format!("not before {at}"),
        (None, Some(1)) => "not while 1 session is open".to_owned(),
        (None, open) => format!("not while {} sessions are open", open.unwrap_or_default()),
    }
}

fn packs(page: &mut Page, view: &AppView) {
    page.heading("Packs");
    if view.packs.is_empty() {
        page.line(
            "None: every data frame and request counts. packs = [\"auto\"] recognises frameworks.",
        );
        return;
    }
    page.line(&format!("{}; count = \"{}\".", view.packs.join(", "), view.count));
    if !view.packs_recognised.is_empty() {
        page.line(&format!("Recognised: {}.", view.packs_recognised.join(", ")));
    }
}

fn history(page: &mut Page, detail: &AppDetail) {
    if detail.history.counted.is_empty() {
        return;
    }
    page.heading("Recently counted, at most one per second and reason");
    for entry in detail.history.counted.iter().take(ENTRIES) {
        let again =
            if entry.noted > 1 { format!(", {}", times(entry.noted)) } else { String::new() };
        page.line(&format!("{}  {}{again}", entry.last, what(&entry.traffic)));
    }
}

fn hints(page: &mut Page, detail: &AppDetail) {
    if detail.hints.is_empty() {
        return;
    }
    page.heading("Probably automatic, but no rule ignores it");
    for HintView { period_seconds, kind, bytes, run, path, session, ago_seconds, .. } in
        &detail.hints
    {
        let period = std::time::Duration::try_from_secs_f64(*period_seconds).unwrap_or_default();
        let whose = session.map_or(String::new(), |session| format!(" in session {session}"));
        page.line(&format!(
            "Every {}, {kind} of {} to {} bytes, {run} in a row, last {}{whose} on {path}.",
            cadence::words(period),
            bytes.0,
            bytes.1,
            ago(*ago_seconds)
        ));
    }
    let name = cadence::pack_name(&detail.view.app);
    page.line(
        "It counts until you say otherwise. Make sure that no person sends it; then put this into",
    );
    page.line(&format!("{name}.toml in pack_dir, and \"{name}\" into the app's packs:"));
    page.push("");
    page.text.push_str(&detail.hints_pack);
}

/// Describes one kind of traffic.
fn what(traffic: &TrafficView) -> String {
    let path = traffic.path.as_deref().unwrap_or_default();
    let mut words = match traffic.kind.as_deref() {
        Some("request") => format!("{} {path}", traffic.method.as_deref().unwrap_or("request")),
        Some("upgrade") => format!("a WebSocket opened on {path}"),
        Some(kind) => match traffic.bytes {
            Some((0, 0)) => format!("{} ({kind}, empty)", traffic.reason),
            Some((1, 1)) => format!("{} ({kind}, 1 byte)", traffic.reason),
            Some((least, most)) => format!("{} ({kind}, {least} to {most} bytes)", traffic.reason),
            None => format!("{} ({kind})", traffic.reason),
        },
        None => traffic.reason.clone(),
    };
    if let Some(session) = traffic.session {
        let _ = write!(words, " in session {session}");
    }
    words
}

fn sessions(open: usize) -> String {
    match open {
        0 => "no session open".to_owned(),
        1 => "1 session open".to_owned(),
        open => format!("{open} sessions open"),
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

pub(super) fn ago(seconds: f64) -> String {
    format!("{} ago", span(seconds))
}

/// A time in the two largest units that matter.
pub(super) fn span(seconds: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let all = seconds.max(0.0).round() as u64;
    let (days, hours, minutes, seconds) = (all / 86_400, all / 3600 % 24, all / 60 % 60, all % 60);
    let two = |large: u64, unit, small: u64, smaller| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {smaller}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => two(minutes, "min", seconds, "s"),
        (0, ..) => two(hours, "h", minutes, "min"),
        _ => two(days, "d", hours, "h"),
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
