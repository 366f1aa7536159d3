"""Outcomes for a person: one trial in full, all of them in one table."""

from outcome import Outcome
from stage import few

_CONDITIONS = {
    "idle": "return",
    "cut": "return after cut",
    "frozen": "return",
    "reload": "click after reload",
}
_HEAD = ["trial", "condition", "counted", "ignored by rule", "then a click counted"]


def _lines(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, ["-" * width for width in widths], *rows]
    ]


def full(outcome: Outcome) -> str:
    """Stages, reports with their causes, warnings and checks of one trial."""
    versions = ", ".join(f"{name} {number}" for name, number in outcome.versions.items())
    parts = [f"{outcome.trial.name}: {versions}"]
    stages = [[s.name, few(s.counted), few(s.ignored), s.note] for s in outcome.stages]
    parts += ["", *_lines(["stage", "counted", "ignored", ""], stages)]
    reports = [
        [
            f"{outcome.since_start(finding.report.received):.1f}",
            finding.phase,
            finding.report.reason,
            finding.cause or "NOTHING",
            "; ".join(finding.mistakes) or "-",
        ]
        for finding in outcome.findings
    ]
    parts += ["", *_lines(["report at", "phase", "reason", "cause", "mistakes"], reports)]
    parts += ["", "Warnings in Ebbtide's log:", *outcome.log_complaints[:10]]
    checks = [["ok" if ok else "FAILED", name, told[:200]] for name, ok, told in outcome.checks]
    return "\n".join([*parts, "", *_lines(["", "check", "found"], checks)]) + "\n"


def summary(outcomes: list[Outcome]) -> list[str]:
    """What counted and what did not, a line for each trial and condition."""
    return _lines(_HEAD, [row for outcome in outcomes for row in _rows(outcome)])


def markdown(outcomes: list[Outcome]) -> str:
    """The same for the documentation."""
    rows = [_HEAD, ["---"] * len(_HEAD), *(row for o in outcomes for row in _rows(o))]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _rows(outcome: Outcome) -> list[list[str]]:
    rows = []
    for condition, click in _CONDITIONS.items():
        if not (stage := outcome.stage(condition)):
            continue
        after = outcome.stage(click)
        told = f"{condition} ({stage.note})" if stage.note else condition
        counted = [few(stage.counted), few(stage.ignored), few(after.counted) if after else "-"]
        rows.append([outcome.trial.name, told, *counted])
    return rows
