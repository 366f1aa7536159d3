"""The checks that need the whole run: reports against causes, counters against the
browser's account, and silence where there must be silence."""

import ebbtide
from control_plane import Report
from ebbtide import APP, REPORT_SECONDS
from judge import judge
from outcome import Outcome
from stage import Stage, few

_FRAMES = "ebbtide_frames_total"
# A direction in the metrics, and the browser's word for it.
_DIRECTIONS = {"input": "sent", "output": "received"}
# Frames this near to the moment of a reading may be on either side of it.
_EDGE_SECONDS = 1.0


def conclude(outcome: Outcome) -> None:
    """Adds the last checks to an outcome, as far as its run came."""
    check = outcome.check
    outcome.findings = judge(outcome.reports, outcome.events(), outcome.phases, APP, REPORT_SECONDS)
    complaints = outcome.visit.complaints if outcome.visit else []
    harmless = outcome.trial.case.harmless
    wrong = [c for c in complaints if not any(part in c for part in harmless)]
    check("the browser complains of nothing", not wrong, _few(wrong))
    panics = [line for line in outcome.log_complaints if "panicked" in line]
    check("Ebbtide does not panic", not panics, _few(panics))
    _reports(outcome)
    _compression(outcome)
    for name, why in outcome.trial.case.counts.items():
        if stage := outcome.stage(name):
            told = f"{few(stage.counted)}: {why}"
            check(f"what is known to count still does ({name})", bool(stage.counted), told)
    if idle := outcome.stage("idle"):
        _idle(outcome, idle)


def _reports(outcome: Outcome) -> None:
    check, findings = outcome.check, outcome.findings
    wrong = [f"{f.report.reason}: {', '.join(f.mistakes)}" for f in findings if f.mistakes]
    check("every report has a cause and keeps the contract", not wrong, _few(wrong))
    check("only PATCH reaches the control plane", not outcome.strangers, _few(outcome.strangers))
    for stage in outcome.stages:
        if not stage.end:
            continue
        reasons = [f.report.reason for f in findings if _within(f.report, stage)]
        if stage.silent:
            check(f"nothing is reported ({stage.name})", not reasons, _few(reasons))
        elif stage.name == "return" and outcome.trial.silent("idle"):
            check(f"activity is reported ({stage.name})", bool(reasons), _few(reasons))


def _within(report: Report, stage: Stage) -> bool:
    """Whether the reported activity lies in a stage, whenever the report came. Reports cut
    its time to the second, so that a click may seem to be just before its stage."""
    at, before = report.last_activity, 1.0 if stage.must else 0.0
    return at is not None and stage.begin.t - before <= at <= stage.end.t


def _compression(outcome: Outcome) -> None:
    """The browser's word for what was agreed on."""
    if not outcome.trial.case.compresses or not outcome.visit:
        return
    agreed = outcome.visit.account.extensions
    want = outcome.trial.compression != "strip"
    as_wanted = bool(agreed) and all(("permessage-deflate" in e) == want for e in agreed)
    name = "messages are compressed" if want else "messages are not compressed"
    outcome.check(name, as_wanted, f"agreed on {_few(sorted(set(agreed)))!r}")


def _idle(outcome: Outcome, idle: Stage) -> None:
    """What Ebbtide counted while nobody was there, against what the browser saw."""
    check = outcome.check
    traffic = [event for event in outcome.events("idle") if event.is_traffic]
    if outcome.trial.case.idle_is_silent:
        whats = _few([f"{event.kind} {event.what}" for event in traffic])
        check("the page left alone sends and gets nothing", not traffic, whats)
    # Silence proves something only when machinery did pass meanwhile.
    machinery = sum(idle.ignored.values()) + idle.control_frames
    told = f"{machinery} frames and requests that do not count"
    check("machinery passed meanwhile", machinery > 0, told)
    reaped = ebbtide.total(idle.grown, "ebbtide_reaped_total")
    check("the page left alone is not reaped", reaped == 0, f"{reaped} reaped")
    if outcome.trial.proof == "heartbeat":
        return  # answers for the app are Ebbtide's own, and no frames of the app
    for direction, kind in _DIRECTIONS.items():
        counted = _data_frames(idle, direction)
        least = _seen(outcome, kind, idle, -_EDGE_SECONDS)
        most = _seen(outcome, kind, idle, _EDGE_SECONDS)
        told = f"Ebbtide {counted}, browser {least} to {most}"
        check(f"the same data frames while idle ({direction})", least <= counted <= most, told)


def _data_frames(stage: Stage, direction: str) -> int:
    """Data frames; a heartbeat is one as well."""
    return sum(
        ebbtide.total(stage.grown, _FRAMES, app=APP, direction=direction, kind=kind)
        for kind in ("data", "heartbeat")
    )


def _seen(outcome: Outcome, kind: str, stage: Stage, wider: float) -> int:
    begin, end = stage.begin.t - wider, stage.end.t + wider
    return sum(e.kind == kind and begin <= e.t < end for e in outcome.events())


def _few(items: list[str], most: int = 3) -> str:
    """A few of many, and how many there are."""
    rest = f" … {len(items)} in all" if len(items) > most else ""
    return "; ".join(items[:most]) + rest if items else "none"
