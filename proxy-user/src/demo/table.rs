//! The table and the summary as lines of text.
//!
//! Pure: rows go in, lines come out. It must not know a terminal or a clock.

use std::time::Duration;

use super::verdict::{Look, Tone, Verdict, bytes, seconds};
use crate::core::gate::Reason;

/// Facts about the whole demo.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) page: String,
    pub(super) admin: String,
    pub(super) source: String,
    pub(super) reason: String,
    pub(super) grace: Duration,
    pub(super) duration: Option<Duration>,
}

/// One client, or one tab of the user's browser.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) habit: &'static str,
    /// The latest activity of its app: how long ago, and its reason.
    pub(super) active: Option<(Duration, Reason)>,
    /// `None` = it has no session yet.
    pub(super) session: Option<Session>,
}

/// Its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) look: Look,
    /// Time since the client last took something.
    pub(super) progress: Option<Duration>,
    pub(super) verdict: Verdict,
}

/// The outcome of one app.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) name: &'static str,
    /// How often each reason counted as activity.
    pub(super) activity: Vec<(Reason, u64)>,
    pub(super) active: Option<(Duration, Reason)>,
    /// Control frames, which do not count.
    pub(super) control: u64,
    /// The newest session's verdict.
    pub(super) verdict: Option<Verdict>,
}

/// Lines of the head without explanations.
const HEADLINES: usize = 2;

/// The style of a piece of text on a colour terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Strong,
    Dim,
    Tone(Tone),
}

/// One line, in pieces of one style each.
pub(super) type Line = Vec<(Style, String)>;

/// The lines above the table.
pub(super) fn head(header: &Header, elapsed: Duration, width: usize) -> Vec<Line> {
    let Header { page, admin, source, reason, grace, duration } = header;
    let time = match duration {
        Some(duration) => format!("{} of {}", seconds(elapsed), seconds(*duration)),
        None => format!("{}, Ctrl-C ends it", seconds(elapsed)),
    };
    let mut lines = vec![
        vec![(Style::Strong, "Ebbtide demo".to_owned()), (Style::Plain, format!("  {time}"))],
        vec![(Style::Plain, format!("page {page}  metrics {admin}"))],
    ];
    let sockets = format!("Sockets are watched by {source}: {reason}.");
    let rule = format!(
        "A client that takes nothing of what is queued for it for {} is reaped.",
        seconds(*grace)
    );
    for text in [sockets, rule] {
        lines.extend(wrap(&text, width).into_iter().map(|text| vec![(Style::Dim, text)]));
    }
    lines
}

/// Everything, fitted to a screen of this size: explanations give way to facts.
pub(super) fn picture(
    header: &Header,
    rows: &[Row],
    elapsed: Duration,
    (width, height): (usize, usize),
) -> Vec<Line> {
    let (mut lines, table) = (head(header, elapsed, width), table(rows));
    lines.truncate(height.saturating_sub(table.len() + 1).max(HEADLINES));
    lines.push(Line::new());
    lines.extend(table);
    lines.truncate(height);
    lines
}

/// The table: two lines for each row.
pub(super) fn table(rows: &[Row]) -> Vec<Line> {
    let titles = columns([
        "CLIENT",
        "SESSION",
        "APP LAST ACTIVE",
        "DATA IN/OUT",
        "CTRL IN/OUT",
        "QUEUED",
        "PROGRESS",
    ]);
    let mut lines = vec![vec![(Style::Dim, titles)]];
    for row in rows {
        let session = row.session.as_ref();
        let cell = |show: &dyn Fn(&Session) -> String| session.map_or("–".to_owned(), show);
        let figures = columns([
            row.name,
            &cell(&|session| session.id.to_string()),
            &active(row.active),
            &cell(&|Session { look, .. }| format!("{}/{}", look.input.data, look.output.data)),
            &cell(&|Session { look, .. }| {
                format!("{}/{}", look.input.control, look.output.control)
            }),
            &cell(&|session| bytes(session.look.queued)),
            &cell(&|session| session.progress.map_or("–".to_owned(), ago)),
        ]);
        let name = row.name.len();
        lines.push(vec![
            (Style::Strong, figures[..name].to_owned()),
            (Style::Plain, figures[name..].to_owned()),
        ]);
        let (style, words) = match session {
            Some(session) => (Style::Tone(session.verdict.tone()), session.verdict.words()),
            None => (Style::Tone(Tone::Quiet), "no session".to_owned()),
        };
        lines.push(vec![(Style::Dim, format!("  {:<17}", row.habit)), (style, words)]);
    }
    lines
}

/// What happened, at the end.
pub(super) fn summary(outcomes: &[Outcome], elapsed: Duration) -> Vec<Line> {
    let mut lines = vec![vec![(Style::Strong, format!("What happened in {}", seconds(elapsed)))]];
    for outcome in outcomes {
        let counted = outcome.activity.iter().filter(|(_, count)| *count > 0);
        let counted: Vec<_> =
            counted.map(|(reason, count)| format!("{count} {}", reason.as_str())).collect();
        let activity = match counted.is_empty() {
            true => "nobody came".to_owned(),
            false => format!("activity: {}; last {}", counted.join(", "), active(outcome.active)),
        };
        lines.push(vec![
            (Style::Strong, format!("  {:<10}", outcome.name)),
            (Style::Plain, activity),
        ]);
        if let Some(verdict) = outcome.verdict {
            let saved = match verdict {
                Verdict::Reaped { .. } | Verdict::Ended(_) => "",
                _ => "not reaped; ",
            };
            let words = format!("{saved}{}", verdict.words());
            lines.push(vec![(Style::Plain, " ".repeat(12)), (Style::Tone(verdict.tone()), words)]);
        }
        if outcome.control > 0 {
            let ignored = format!("{:12}ignored: {} control frames", "", outcome.control);
            lines.push(vec![(Style::Dim, ignored)]);
        }
    }
    lines
}

/// One line of a log for rows that changed.
pub(super) fn news(row: &Row, elapsed: Duration) -> Line {
    let words = row.session.map_or("no session".to_owned(), |session| session.verdict.words());
    let session = row.session.map_or(String::new(), |session| format!(" (session {})", session.id));
    vec![(Style::Plain, format!("{:>5}  {}{session}: {words}", seconds(elapsed), row.name))]
}

/// A line for the terminal: cut to `width`, coloured or not.
pub(super) fn render(line: &Line, width: usize, colour: bool) -> String {
    let mut left = width;
    let mut out = String::new();
    for (style, text) in line {
        let length = text.chars().count();
        let text: String = match length <= left {
            true => text.clone(),
            false => text.chars().take(left.saturating_sub(1)).chain(['…']).take(left).collect(),
        };
        left = left.saturating_sub(length);
        let code = match style {
            Style::Plain => "",
            Style::Strong => "1",
            Style::Dim => "2",
            Style::Tone(Tone::Good) => "32",
            Style::Tone(Tone::Quiet) => "36",
            Style::Tone(Tone::Warning) => "33",
            Style::Tone(Tone::Bad) => "31",
        };
        if colour && !code.is_empty() && !text.is_empty() {
            out.push_str(&format!("\x1b[{code}m{text}\x1b[0m"));
        } else {
            out.push_str(&text);
        }
    }
    out
}

fn columns([name, session, active, data, control, queued, progress]: [&str; 7]) -> String {
    format!(
        "{name:<8} {session:>7}  {active:<19} {data:>11} {control:>11} {queued:>8} {progress:>9}"
    )
}

fn active(active: Option<(Duration, Reason)>) -> String {
    active
        .map_or("never".to_owned(), |(time, reason)| format!("{}, {}", ago(time), reason.as_str()))
}

fn ago(time: Duration) -> String {
    format!("{} ago", seconds(time))
}

/// Breaks text at its spaces; a word longer than `width` stays whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
