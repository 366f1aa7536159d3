"""Tests of what decides: attribution, the report's shape, the metrics parser, stages.

    python3 -m unittest discover -s xtask/e2e/tests

Standard library only; no browser, no proxy.
"""

import sys
import unittest
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ebbtide
from account import Event, tally
from control_plane import Report
from judge import Finding, Phases, judge
from stage import Moment, Stage

T = 1_800_000_000.0
PHASES = Phases((("work", T - 100), ("idle", T), ("shutdown", T + 100)))


def report(received: float, at: float, reason: str = "input", **changes: object) -> Report:
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"app": "demo", "lastActivity": moment, "reason": reason, "sessions": 1, **changes}
    return Report(received, "/apps/demo", "", body)


def one(given: Report, *events: Event) -> Finding:
    (finding,) = judge([given], list(events), PHASES, "demo", 5)
    return finding


class Attribution(unittest.TestCase):
    def test_names_the_frame_that_a_report_stands_for(self) -> None:
        finding = one(report(T + 11, T + 10), Event(T + 10.9, "sent", "op2 3 B rerun_script"))
        self.assertEqual(finding.cause, "sent: op2 3 B rerun_script")
        self.assertEqual((finding.phase, finding.mistakes), ("idle", ()))

    def test_a_report_without_any_browser_event_is_a_mistake(self) -> None:
        finding = one(report(T + 31, T + 30, "output"), Event(T + 10, "received", "op2 9 B"))
        self.assertIsNone(finding.cause)
        self.assertTrue(finding.mistakes)

    def test_the_reason_must_be_the_kind_of_thing_that_happened(self) -> None:
        self.assertTrue(one(report(T + 11, T + 10), Event(T + 10, "received", "op1 1 B")).mistakes)
        self.assertFalse(
            one(report(T + 11, T + 10, "upgrade"), Event(T + 10, "upgrade", "/ws")).mistakes
        )

    def test_late_and_crowded_reports_are_mistakes_except_at_shutdown(self) -> None:
        event = Event(T + 10, "sent", "op1 1 B")
        self.assertTrue(one(report(T + 20, T + 10), event).mistakes)
        close = judge([report(T + 10, T + 10), report(T + 12, T + 10)], [event], PHASES, "demo", 5)
        self.assertEqual([bool(finding.mistakes) for finding in close], [False, True])
        self.assertFalse(one(report(T + 101, T + 10), event).mistakes)


class Shape(unittest.TestCase):
    def test_every_departure_from_the_contract_is_named(self) -> None:
        self.assertEqual(report(T, T).mistakes("demo"), [])
        for changes in (
            {"sessions": -1},
            {"sessions": True},
            {"reason": "ping"},
            {"app": "other"},
            {"lastActivity": "2027-01-15T08:00:00"},
            {"lastActivity": 5},
            {"extra": 1},
        ):
            self.assertTrue(report(T, T, **changes).mistakes("demo"), changes)
        self.assertTrue(report(T, T + 60).mistakes("demo"))
        self.assertTrue(Report(T, "/apps/demo", "no", None).mistakes("demo"))


class Counting(unittest.TestCase):
    def test_sums_and_differences_of_metrics(self) -> None:
        before = ebbtide.parse_metrics("# TYPE x counter\nother_total 5\n")
        after = ebbtide.parse_metrics(
            'ebbtide_frames_total{app="demo",direction="input",kind="data"} 3\n'
            'ebbtide_frames_total{app="demo",direction="output",kind="data"} 4\n'
        )
        grown = ebbtide.grown(before, after)
        self.assertEqual(ebbtide.total(grown, "ebbtide_frames_total", kind="data"), 7)
        self.assertEqual(ebbtide.total(grown, "ebbtide_frames_total", direction="input"), 3)
        self.assertEqual(ebbtide.total(grown, "ebbtide_activity_total"), 0)

    def test_frames_are_counted_by_opcode_and_ends_not_at_all(self) -> None:
        events = [Event(T, "sent", "op2 3 B x"), Event(T, "request", "GET /")]
        counts = tally([*events, Event(T, "answered", "/"), Event(T, "closed", "/ws")])
        self.assertEqual(counts, {"request": 1, "sent op2": 1})


class Stages(unittest.TestCase):
    @staticmethod
    def moment(counted: int, rules: dict[str, int]) -> Moment:
        line = f'ebbtide_activity_total{{app="demo",reason="input"}} {counted}'
        return Moment(T, ebbtide.parse_metrics(line), rules)

    def test_a_silent_stage_fails_on_whatever_counts(self) -> None:
        before, pong = self.moment(3, {"socketio/pong": 2}), {"socketio/pong": 5}
        quiet = Stage("idle", before, self.moment(3, pong), silent=True)
        self.assertTrue(quiet.holds)
        self.assertEqual((quiet.counted, quiet.ignored), ({}, {"socketio/pong": 3}))
        self.assertFalse(Stage("idle", before, self.moment(4, pong), silent=True).holds)

    def test_a_click_must_count_for_what_it_is(self) -> None:
        before, after = self.moment(3, {}), self.moment(4, {})
        self.assertTrue(Stage("return", before, after, must=("input",)).holds)
        self.assertFalse(Stage("return", before, after, must=("request",)).holds)
        self.assertFalse(Stage("return", before, before, must=("input",)).holds)


if __name__ == "__main__":
    unittest.main()
