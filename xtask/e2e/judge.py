"""Decides what each report was caused by, and whether it should have been sent.

Pure: reports and the browser's account go in, findings come out.
"""

from bisect import bisect_right
from dataclasses import dataclass

from account import Event
from control_plane import Report

# The browser sees an event within this much of the time that the report gives:
# a report may be cut to whole seconds and made with a coarse clock.
EARLIER, LATER = 1.5, 2.0
# How long after its cause a report may arrive, beyond the interval.
LATE = 3.0
# How much longer than the one behind it a report may be on its way, on a busy machine.
DELAY = 1.5
# What the browser must have done for a reason to be true.
CAUSES = {
    "input": ("sent",),
    "output": ("received", "streamed"),
    "request": ("request", "answered"),
    "upgrade": ("upgrade",),
}


@dataclass(frozen=True)
class Phases:
    """Named stretches of the run, each beginning where the one before ended."""

    starts: tuple[tuple[str, float], ...]

    def of(self, t: float) -> str:
        index = bisect_right([start for _, start in self.starts], t) - 1
        return self.starts[max(index, 0)][0]


@dataclass(frozen=True)
class Finding:
    """One report with its cause in words; `mistakes` is empty when all is well."""

    report: Report
    phase: str
    cause: str | None
    mistakes: tuple[str, ...]


def cause_of(report: Report, events: list[Event]) -> tuple[Event, str] | None:
    """The event of the right kind nearest to the report's `lastActivity`, with a
    sentence that also says how many others fit. None: the browser did nothing."""
    at = report.last_activity
    if at is None:
        return None
    kinds = CAUSES.get(report.reason, ())
    fitting = [e for e in events if e.kind in kinds and at - EARLIER <= e.t <= at + LATER]
    if not fitting:
        return None
    nearest = min(fitting, key=lambda event: abs(event.t - at))
    others = f" (+{len(fitting) - 1} like it)" if len(fitting) > 1 else ""
    return nearest, f"{nearest.kind}: {nearest.what}{others}"


def judge(
    reports: list[Report], events: list[Event], phases: Phases, app: str, interval: float
) -> list[Finding]:
    """A finding for each report, in order of arrival. Reports during a phase
    named `shutdown` may be late and close together."""
    findings = []
    previous: float | None = None
    for report in reports:
        phase = phases.of(report.received)
        leaving = phase == "shutdown"
        mistakes = report.mistakes(app)
        found = cause_of(report, events)
        if found is None:
            mistakes.append("the browser did nothing that explains it")
        elif not leaving and (late := report.received - found[0].t) > interval + LATE:
            mistakes.append(f"came {late:.1f} s after its cause")
        if previous is not None and not leaving and report.received - previous < interval - DELAY:
            mistakes.append(f"only {report.received - previous:.1f} s after the one before")
        previous = report.received
        findings.append(Finding(report, phase, found[1] if found else None, tuple(mistakes)))
    return findings
