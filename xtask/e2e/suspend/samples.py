"""What an app that Ebbtide starts looked like from outside, second by second, and whether
that is as it must be.

Pure: samples go in, findings come out.
"""

from dataclasses import dataclass

# A tick of the lifecycle, a probe, and the app's own way down (`stop_timeout` is 10 s), on
# a busy machine.
SLACK = 30.0
# Ebbtide's coarse clock, and the time between two samples.
EARLY = 2.0

# (name, holds, detail), as `Checks.check` takes it.
Finding = tuple[str, bool, str]


@dataclass(frozen=True)
class Sample:
    """One look. `processes`: by number, those of the app, whoever forked them; `wakes`: how
    often it was started so far; `activity`: when somebody last used it, as the API says;
    `lines`: how many the log of Ebbtide has."""

    t: float
    state: str
    processes: frozenset[int]
    wakes: int
    activity: float | None = None
    busy: bool = False
    lines: int = 0

    @property
    def down(self) -> bool:
        return self.state == "suspended" and not self.processes


def down_at(samples: list[Sample], after: float) -> float | None:
    """When it was first seen to be down after this time."""
    return next((s.t for s in samples if s.t >= after and s.down), None)


def suspension(
    samples: list[Sample], left: float, idle_after: float, worked: bool = False
) -> list[Finding]:
    """Somebody left at `left`, by the browser's own account, and the app must be down
    `idle_after` later: not before, and not much later. `worked`: what ended at `left` was
    work, which nobody's activity stands for."""
    down = down_at(samples, left)
    if down is None:
        last = samples[-1] if samples else None
        told = f"{last.state}, {len(last.processes)} processes" if last else "never looked"
        return [("its processes are gone although the tab stays", False, told)]
    findings = [
        ("its processes are gone although the tab stays", True, f"{down - left:.0f} s after use"),
        (
            "it is suspended in time",
            down - left <= idle_after + SLACK,
            f"{down - left:.1f} s after use, idle_after {idle_after:.0f} s",
        ),
    ]
    told = [s.activity for s in samples if s.t <= down and s.activity is not None]
    told += [left] if worked else []
    stopping = next((s.t for s in samples if left <= s.t <= down and s.state != "running"), down)
    early = bool(told) and stopping - max(told) < idle_after - EARLY
    detail = f"{stopping - max(told):.1f} s after what counted last" if told else "nothing counted"
    return [*findings, ("it is not suspended too early", bool(told) and not early, detail)]


def quiet(samples: list[Sample], begin: float, end: float) -> list[Finding]:
    """Nobody was there from `begin` to `end`: nothing may have been started, or said."""
    within = [s for s in samples if begin <= s.t <= end]
    if not within:
        return [("it was looked at while nobody was there", False, "never")]
    first, last = within[0], within[-1]
    states = sorted({s.state for s in within})
    most = max(len(s.processes) for s in within)
    wakes = max(s.wakes for s in within) - first.wakes
    return [
        ("polls and reconnects leave it suspended", states == ["suspended"], ", ".join(states)),
        ("polls and reconnects start no process", most == 0, f"{most} at most"),
        ("polls and reconnects are no wake", wakes == 0, f"{wakes} more"),
        (
            "polls and reconnects write no line in the log",
            last.lines == first.lines,
            f"{last.lines - first.lines} lines",
        ),
    ]


def busy(samples: list[Sample], begin: float, end: float) -> Finding:
    """Whether the API said all the time that the app is at work."""
    within = [s for s in samples if begin <= s.t <= end]
    missed = [s for s in within if not s.busy]
    told = f"missed in {len(missed)} of {len(within)} looks"
    return ("work is seen as long as it lasts", bool(within) and not missed, told)


def awake(samples: list[Sample], begin: float, end: float, why: str) -> Finding:
    """Whether the same processes ran all the time."""
    within = [s for s in samples if begin <= s.t <= end]
    states = sorted({s.state for s in within})
    stayed = frozenset.intersection(*(s.processes for s in within)) if within else frozenset()
    holds = bool(stayed) and set(states) <= {"running", "suspending"}
    told = f"{', '.join(states) or 'never looked'}; {len(stayed)} processes stayed"
    return (f"it stays awake: {why}", holds, f"{told} for {end - begin:.0f} s")
