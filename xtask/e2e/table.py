"""Prints an outcome for a person."""

import ebbtide
from account import tally
from outcome import Outcome


def _table(title: str, head: list[str], rows: list[list[str]]) -> None:
    print(f"\n{title}")
    if not rows:
        print("  (nothing)")
        return
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print(
            "  "
            + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def show(outcome: Outcome) -> None:
    """The tables: reports and causes, traffic by phase, metrics, checks."""
    versions = ", ".join(f"{name} {number}" for name, number in outcome.versions.items())
    print(f"\n== {outcome.case.name}: {versions}")
    _table(
        "Reports received (seconds since the page left alone was asked for)",
        ["at", "phase", "reason", "lastActivity", "sessions", "cause in the browser", "mistakes"],
        [
            [
                f"{outcome.since_load(finding.report.received):+.1f}",
                finding.phase,
                finding.report.reason,
                "?" if at is None else f"{outcome.since_load(at):+.1f}",
                str((finding.report.body or {}).get("sessions", "?")),
                finding.cause or "NOTHING",
                "; ".join(finding.mistakes) or "-",
            ]
            for finding in outcome.findings
            for at in [finding.report.last_activity]
        ],
    )
    _table(
        "What the browser sent and got (data frames by opcode)",
        ["phase", "counts"],
        [
            [phase, ", ".join(f"{what} {n}" for what, n in counts.items()) or "nothing"]
            for phase, _ in outcome.phases.starts
            for counts in [tally(outcome.events(phase))]
            if phase not in ("start", "shutdown")
        ],
    )
    idle = ebbtide.plain(outcome.grown("idle begins", "idle ends"))
    whole = ebbtide.plain(outcome.grown("start", "end"))
    _table(
        "What Ebbtide counted",
        ["counter", "while idle", "whole run"],
        [[name, f"{idle.get(name, 0):+.0f}", f"{n:+.0f}"] for name, n in whole.items() if n],
    )
    if outcome.log_complaints:
        print(f"\nWarnings and errors in Ebbtide's log ({len(outcome.log_complaints)}):")
        for line in outcome.log_complaints[:10]:
            print(f"  {line[:200]}")
    _table(
        "Checks",
        ["", "what", "found"],
        [["ok" if ok else "FAILED", name, detail[:160]] for name, ok, detail in outcome.checks],
    )
