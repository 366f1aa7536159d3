"""What came of one case: everything that was collected, and its JSON."""

import time
from datetime import UTC, datetime
from importlib.metadata import version

import ebbtide
from account import Event, tally
from browser import Visit
from cases import Case
from control_plane import Report
from ebbtide import REPORT_SECONDS, Reading
from judge import Finding, Phases


class Outcome:
    """Filled while the proof runs; `verdicts.conclude` adds the last checks."""

    def __init__(self, case: Case, idle_seconds: float, burst_seconds: float) -> None:
        self.case, self.idle_seconds, self.burst_seconds = case, idle_seconds, burst_seconds
        self._began = time.time()
        self._phases: list[tuple[str, float]] = [("start", self._began)]
        self.checks: list[tuple[str, bool, str]] = []
        self.readings: dict[str, Reading] = {}
        self.visits: list[Visit] = []
        self.reports: list[Report] = []
        self.strangers: list[str] = []
        self.log_complaints: list[str] = []
        self.versions = {name: version(name) for name in (*case.packages, "playwright")}
        self.findings: list[Finding] = []

    def say(self, what: str) -> None:
        print(f"e2e {time.time() - self._began:6.1f} s  {what}", flush=True)

    def check(self, name: str, holds: bool, detail: str) -> None:
        """Writes down one thing that must be so, and says it."""
        self.checks.append((name, holds, detail))
        self.say(f"{'ok    ' if holds else 'FAILED'} {name}: {detail}")

    def phase(self, name: str) -> None:
        """From now on it is this phase."""
        self._phases.append((name, time.time()))

    def reading(self, when: str, reading: Reading) -> None:
        """Keeps the metrics as they were at a named moment."""
        self.readings[when] = reading

    @property
    def ok(self) -> bool:
        return all(holds for _, holds, _ in self.checks)

    @property
    def phases(self) -> Phases:
        return Phases(tuple(self._phases))

    @property
    def browser_complaints(self) -> list[str]:
        return [complaint for visit in self.visits for complaint in visit.complaints]

    def since_load(self, t: float) -> float:
        """Seconds since the page that was left alone was asked for."""
        return t - dict(self._phases).get("load", self._began)

    def events(self, phase: str | None = None) -> list[Event]:
        """The browser's account over all pages, or of one phase."""
        events = sorted(
            (e for visit in self.visits for e in visit.account.events), key=lambda e: e.t
        )
        return [e for e in events if phase is None or self.phases.of(e.t) == phase]

    def grown(self, before: str, after: str) -> Reading:
        """What the metrics added between two moments."""
        return ebbtide.grown(self.readings.get(before, {}), self.readings.get(after, {}))

    def as_json(self) -> dict:
        """Everything, for other programs; times in seconds since the load."""
        return {
            "case": self.case.name,
            "ok": self.ok,
            "began": datetime.fromtimestamp(self._began, UTC).isoformat(),
            "idle_seconds": self.idle_seconds,
            "burst_seconds": self.burst_seconds,
            "report_interval_seconds": REPORT_SECONDS,
            "versions": self.versions,
            "phases": {name: round(self.since_load(t), 3) for name, t in self._phases},
            "checks": [{"name": n, "ok": ok, "detail": d} for n, ok, d in self.checks],
            "reports": [self._report(finding) for finding in self.findings],
            "traffic": {name: tally(self.events(name)) for name, _ in self._phases},
            "idle_events": [
                {"t": round(self.since_load(e.t), 3), "kind": e.kind, "what": e.what}
                for e in self.events("idle")
            ],
            "metrics": {when: ebbtide.plain(r) for when, r in self.readings.items()},
            "metrics_while_idle": ebbtide.plain(self.grown("idle begins", "idle ends")),
            "browser_complaints": self.browser_complaints,
            "log_complaints": self.log_complaints,
        }

    def _report(self, finding: Finding) -> dict:
        return {
            "received": round(self.since_load(finding.report.received), 3),
            "phase": finding.phase,
            "reason": finding.report.reason,
            "cause": finding.cause,
            "mistakes": list(finding.mistakes),
            "body": finding.report.body or finding.report.raw,
        }
