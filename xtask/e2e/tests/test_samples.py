"""Tests of what is made of the samples of an app that Ebbtide starts and stops."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from suspend.samples import Finding, Sample, awake, down_at, quiet, suspension

T = 1_800_000_000.0


def up(t: float, *processes: int, activity: float = 0.0) -> Sample:
    return Sample(T + t, "running", frozenset(processes or (7,)), 1, T + activity)


def down(t: float, **changes: object) -> Sample:
    given = {"state": "suspended", "processes": frozenset(), "wakes": 1, "activity": T}
    return Sample(t=T + t, **{**given, **changes})


def failed(findings: list[Finding]) -> list[str]:
    return [name for name, holds, _ in findings if not holds]


class Suspension(unittest.TestCase):
    def test_gone_after_idle_after_is_as_it_must_be(self) -> None:
        samples = [up(1), up(15), down(21), down(30)]
        self.assertEqual(down_at(samples, T), T + 21)
        self.assertEqual(failed(suspension(samples, T, 20)), [])

    def test_a_word_is_not_enough_while_a_process_is_left(self) -> None:
        samples = [up(1), down(21, processes=frozenset({7}))]
        name = "its processes are gone although the tab stays"
        self.assertEqual(failed(suspension(samples, T, 20)), [name])

    def test_too_late_and_too_early_are_told(self) -> None:
        late = suspension([up(1), down(90)], T, 20)
        self.assertEqual(failed(late), ["it is suspended in time"])
        early = suspension([up(1), down(12)], T, 20)
        self.assertEqual(failed(early), ["it is not suspended too early"])
        counted_later = suspension([up(1), up(20, activity=15), down(24, activity=T + 15)], T, 20)
        self.assertEqual(failed(counted_later), ["it is not suspended too early"])


class Quiet(unittest.TestCase):
    def test_nothing_may_be_started_or_said(self) -> None:
        self.assertEqual(failed(quiet([down(0), down(9)], T, T + 10)), [])
        for change in ({"state": "starting"}, {"processes": frozenset({8})}, {"wakes": 2}):
            findings = quiet([down(0), down(5, **change), down(9)], T, T + 10)
            self.assertEqual(len(failed(findings)), 1, change)
        self.assertEqual(len(failed(quiet([down(0), down(9, lines=1)], T, T + 10))), 1)

    def test_what_nobody_looked_at_is_not_quiet(self) -> None:
        self.assertTrue(failed(quiet([down(50)], T, T + 10)))


class Awake(unittest.TestCase):
    def test_the_same_process_must_stay(self) -> None:
        self.assertTrue(awake([up(1), up(5, 7, 9)], T, T + 10, "used")[1])
        self.assertFalse(awake([up(1), up(5, 9)], T, T + 10, "used")[1], "another process")
        self.assertFalse(awake([up(1), down(5)], T, T + 10, "used")[1])
        self.assertFalse(awake([], T, T + 10, "used")[1])


if __name__ == "__main__":
    unittest.main()
