use super::*;
use crate::core::ending::{Cause, Reap, Tell};
use crate::core::side::{PerSide, Side};
use crate::core::time::Nanos;
use crate::demo::clients::Kind;
use crate::session::Counts;

const SECOND: Duration = Duration::from_secs(1);

fn header() -> Header {
    Header {
        page: "http://127.0.0.1:8080/".to_owned(),
        admin: "http://127.0.0.1:9090/metrics".to_owned(),
        source: "tcp-info".to_owned(),
        reason: "polling was asked for".to_owned(),
        grace: 6 * SECOND,
        duration: Some(60 * SECOND),
    }
}

fn frozen(verdict: Verdict) -> Row {
    let look = Look {
        at: Nanos(1),
        input: Counts { data: 1, control: 2, ..Counts::default() },
        output: Counts { data: 1234, control: 2, ..Counts::default() },
        queued: 2_640_000,
        acked: 0,
        progress: None,
        over: None,
    };
    Row {
        name: "frozen",
        habit: "stops after 5 s",
        active: Some((7 * SECOND, Reason::Output)),
        session: Some(Session { id: 4, look, progress: Some(7 * SECOND), verdict }),
    }
}

fn reaped() -> Verdict {
    let reap = Reap { leg: Side::Client, reason: "stalled" };
    Verdict::Reaped { reap, queued: 2_640_000, still: 6 * SECOND }
}

fn text(lines: &[Line], width: usize) -> String {
    lines.iter().map(|line| render(line, width, false).trim_end().to_owned() + "\n").collect()
}

#[test]
fn the_table() {
    let nobody = Row { name: "you", habit: "open the page", active: None, session: None };
    let table = text(&table(&[frozen(reaped()), nobody]), 120);
    let expected = "\
CLIENT   SESSION  APP LAST ACTIVE     DATA IN/OUT CTRL IN/OUT   QUEUED  PROGRESS
frozen         4  7 s ago, output          1/1234         2/2   2.6 MB   7 s ago
  stops after 5 s  reaped: stalled — 2.6 MB queued, no progress for 6 s
you            –  never                         –           –        –         –
  open the page    no session
";
    assert_eq!(table, expected);
}

#[test]
fn nothing_is_cut_on_a_screen_of_80_by_24() {
    let mut header = header();
    header.reason = "eBPF cannot be had: the kernel refuses bpf(2) ".repeat(5);
    let (mut verdicts, still) = (Vec::new(), 5999 * SECOND);
    for cause in Cause::ALL {
        verdicts.push(match (cause.reap(), cause.tell()) {
            (Some(reap), _) => Verdict::Reaped { reap, queued: 99_900_000, still },
            (None, PerSide { app: Tell::Close(_, why), .. }) => Verdict::Ended(why),
            (None, _) => Verdict::Ended("close timed out"),
        });
    }
    verdicts.push(Verdict::Stalling { queued: 99_900_000, still: 5 * SECOND, grace: 6 * SECOND });
    verdicts.push(Verdict::Draining { queued: 99_900_000, rate: 999_000 });
    verdicts.push(Verdict::Opened(Reason::Upgrade, 9 * SECOND));
    verdicts.push(Verdict::Silent(still));
    for verdict in verdicts {
        let mut row = frozen(verdict);
        row.active = Some((still, Reason::Upgrade));
        // Four clients and five tabs.
        let rows = vec![row; 9];
        let picture = picture(&header, &rows, 600 * SECOND, (80, 23));
        assert_eq!(picture.len(), 23, "{verdict:?}");
        let shown = text(&picture, 80);
        assert_eq!(shown.matches(&verdict.words()).count(), 9, "{shown}");
        assert!(!shown.contains('…') && shown.contains("metrics http://"), "{shown}");
    }
}

#[test]
fn habits_leave_room_for_verdicts() {
    let habits = Kind::ALL.map(Kind::habit);
    assert!(habits.iter().all(|habit| habit.len() <= 16), "the verdict stands behind: {habits:?}");
}

#[test]
fn the_head_wraps_a_long_reason() {
    let mut header = header();
    header.reason = "eBPF cannot be had: the kernel refuses bpf(2) to this user".to_owned();
    let head = text(&head(&header, 12 * SECOND, 60), 60);
    assert!(head.contains("had: the\nkernel refuses"), "{head}");
    assert!(head.contains("Sockets are watched by tcp-info: eBPF cannot be had"), "{head}");
}

#[test]
fn the_summary_says_who_was_reaped_and_who_was_not() {
    let outcome = |name, verdict, counts| Outcome {
        name,
        activity: counts,
        active: Some((SECOND, Reason::Output)),
        control: 4,
        verdict: Some(verdict),
    };
    let slow = Verdict::Draining { queued: 5_000, rate: 16_000 };
    let summary = summary(
        &[
            outcome("frozen", reaped(), vec![(Reason::Output, 70), (Reason::Upgrade, 1)]),
            outcome("slow", slow, vec![(Reason::Input, 0), (Reason::Output, 80)]),
        ],
        15 * SECOND,
    );
    let expected = "\
What happened in 15 s
  frozen    activity: 70 output, 1 upgrade; last 1 s ago, output
            reaped: stalled — 2.6 MB queued, no progress for 6 s
            ignored: 4 control frames
  slow      activity: 80 output; last 1 s ago, output
            not reaped; alive: draining slowly — 16 KB/s, 5 KB queued
            ignored: 4 control frames
";
    assert_eq!(text(&summary, 120), expected);
}

#[test]
fn lines_are_cut_to_the_terminal_and_coloured_only_when_asked() {
    let line = vec![(Style::Strong, "abc".to_owned()), (Style::Tone(Tone::Bad), "déf".to_owned())];
    assert_eq!(render(&line, 6, false), "abcdéf");
    assert_eq!(render(&line, 5, false), "abcd…");
    assert_eq!(render(&line, 3, false), "abc");
    assert_eq!(render(&line, 0, false), "");
    assert_eq!(render(&line, 6, true), "\x1b[1mabc\x1b[0m\x1b[31mdéf\x1b[0m");
}
