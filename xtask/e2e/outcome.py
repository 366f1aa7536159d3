"""What came of one trial: everything that was collected, and its JSON."""

import time
from datetime import UTC, datetime
from importlib.metadata import distributions

import ebbtide
from account import Event, tally
from browser import Visit
from cases import Case
from checks import Checks
from control_plane import Report
from ebbtide import REPORT_SECONDS
from judge import Finding, Phases
from stage import Stage, few
from trial import Trial


def versions(case: Case) -> dict[str, str]:
    """The installed versions of what the case is about."""
    place = case.site_packages()
    where = {"path": [str(place)]} if place else {}
    installed = distributions(**where)
    found = {d.metadata["Name"].lower().replace("-", "_"): d.version for d in installed}
    return {name: found[name.lower().replace("-", "_")] for name in case.packages}


class Outcome(Checks):
    """Filled while the proof runs; `verdicts.conclude` adds the last checks."""

    def __init__(self, trial: Trial, idle_seconds: float) -> None:
        super().__init__(trial.name)
        self.trial, self.idle_seconds = trial, idle_seconds
        self._began = time.time()
        self._phases: list[tuple[str, float]] = [("start", self._began)]
        self.stages: list[Stage] = []
        self.visit: Visit | None = None
        self.reports: list[Report] = []
        self.strangers: list[str] = []
        self.log_complaints: list[str] = []
        self.versions = versions(trial.case)
        self.findings: list[Finding] = []

    def conclude_stage(self, stage: Stage) -> None:
        """A stage has ended: checks what counted in it."""
        told = f"counted {few(stage.counted)}; ignored {few(stage.ignored)}"
        self.say(f"{stage.name}: {told}")
        if stage.silent:
            self.check(f"nothing counts ({stage.name})", stage.holds, told)
        elif stage.must:
            self.check(f"{' or '.join(stage.must)} counts ({stage.name})", stage.holds, told)

    def phase(self, name: str) -> None:
        """From now on it is this phase."""
        self._phases.append((name, time.time()))

    def stage(self, name: str) -> Stage | None:
        """A stage that ran to its end."""
        return next((s for s in self.stages if s.name == name and s.end), None)

    @property
    def phases(self) -> Phases:
        return Phases(tuple(self._phases))

    def since_start(self, t: float) -> float:
        return t - self._began

    def events(self, phase: str | None = None) -> list[Event]:
        """The browser's account, or of one phase."""
        events = sorted(self.visit.account.events if self.visit else [], key=lambda e: e.t)
        return [e for e in events if phase is None or self.phases.of(e.t) == phase]

    def as_json(self) -> dict:
        """Everything, for other programs; times in seconds since the trial began."""
        return {
            "trial": self.trial.name,
            "case": self.trial.case.name,
            "compression": self.trial.compression,
            "ok": self.ok,
            "began": datetime.fromtimestamp(self._began, UTC).isoformat(),
            "idle_seconds": self.idle_seconds,
            "report_interval_seconds": REPORT_SECONDS,
            "versions": self.versions,
            "phases": {name: round(self.since_start(t), 3) for name, t in self._phases},
            "checks": [{"name": n, "ok": ok, "detail": d} for n, ok, d in self.checks],
            "stages": [self._stage(stage) for stage in self.stages],
            "reports": [self._report(finding) for finding in self.findings],
            "log_complaints": self.log_complaints,
        }

    def _stage(self, stage: Stage) -> dict:
        return {
            "name": stage.name,
            "note": stage.note,
            "counted": stage.counted,
            "ignored": stage.ignored,
            "metrics": {k: v for k, v in ebbtide.plain(stage.grown).items() if v},
            "traffic": tally(self.events(stage.name)),
            "events": [
                {"t": round(self.since_start(e.t), 3), "kind": e.kind, "what": e.what}
                for e in self.events(stage.name)
            ],
        }

    def _report(self, finding: Finding) -> dict:
        return {
            "received": round(self.since_start(finding.report.received), 3),
            "phase": finding.phase,
            "reason": finding.report.reason,
            "cause": finding.cause,
            "mistakes": list(finding.mistakes),
            "body": finding.report.body or finding.report.raw,
        }
