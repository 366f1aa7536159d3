"""The checks that need the whole run: reports against causes, counters against
the browser's account, and silence where there must be silence."""

import ebbtide
from ebbtide import APP, REPORT_SECONDS, Reading
from judge import judge
from outcome import Outcome

_FRAMES = "ebbtide_frames_total"
# A direction in the metrics, and the browser's word for it.
_DIRECTIONS = {"input": "sent", "output": "received"}


def conclude(outcome: Outcome) -> None:
    """Adds the last checks to an outcome, as far as its run came."""
    check = outcome.check
    outcome.findings = judge(outcome.reports, outcome.events(), outcome.phases, APP, REPORT_SECONDS)
    check(
        "the browser complains of nothing",
        not outcome.browser_complaints,
        _few(outcome.browser_complaints),
    )
    panics = [line for line in outcome.log_complaints if "panicked" in line]
    check("Ebbtide does not panic", not panics, _few(panics))
    _reports(outcome)
    if "idle ends" in outcome.readings:
        _silence(outcome)
        _counters_while_idle(outcome)
    if "end" in outcome.readings:
        seen = {d: sum(e.kind == k for e in outcome.events()) for d, k in _DIRECTIONS.items()}
        data = _data_frames(outcome.grown("start", "end"))
        told = f"Ebbtide {data}, browser {seen}"
        check("the same data frames over the whole run", data == seen, told)


def _reports(outcome: Outcome) -> None:
    wrong = [f"{f.report.reason}: {', '.join(f.mistakes)}" for f in outcome.findings if f.mistakes]
    outcome.check("every report has a cause and keeps the contract", not wrong, _few(wrong))
    for phase in ("work", "load"):
        reasons = [f.report.reason for f in outcome.findings if f.phase == phase]
        outcome.check(f"activity is reported ({phase})", bool(reasons), _few(reasons))
    strangers = outcome.strangers
    outcome.check("only PATCH reaches the control plane", not strangers, _few(strangers))


def _silence(outcome: Outcome) -> None:
    """After the load burst: no traffic, so no report."""
    traffic = [event for event in outcome.events("idle") if event.is_traffic]
    reports = [f.report.reason for f in outcome.findings if f.phase == "idle"]
    if outcome.case.idle_is_silent:
        whats = _few([f"{event.kind} {event.what}" for event in traffic])
        outcome.check("the tab left alone sends and gets nothing", not traffic, whats)
    told = f"{len(traffic)} frames and requests, {len(reports)} reports"
    outcome.check("no traffic, no report", bool(traffic) or not reports, told)


def _counters_while_idle(outcome: Outcome) -> None:
    """What Ebbtide counted in the same time, against what the browser saw."""
    check, grown = outcome.check, outcome.grown("idle begins", "idle ends")
    traffic = [event for event in outcome.events("idle") if event.is_traffic]
    counted = ebbtide.total(grown, "ebbtide_activity_total", app=APP)
    check("no traffic, no activity counted", bool(traffic) or counted == 0, str(counted))
    seen = {d: sum(e.kind == kind for e in traffic) for d, kind in _DIRECTIONS.items()}
    data = _data_frames(grown)
    check("the same data frames while idle", data == seen, f"Ebbtide {data}, browser {seen}")
    reaped = ebbtide.total(grown, "ebbtide_reaped_total")
    check("the tab left alone is not reaped", reaped == 0, f"{reaped} reaped")
    ping, seconds = outcome.case.server_ping_seconds, outcome.idle_seconds - outcome.burst_seconds
    if ping and seconds >= 2 * ping:
        # Silence proves something only when machinery did pass meanwhile.
        control = {
            d: ebbtide.total(grown, _FRAMES, app=APP, direction=d, kind="control")
            for d in _DIRECTIONS
        }
        enough = all(count >= seconds // ping - 1 for count in control.values())
        check("ping and pong passed meanwhile", enough, f"control frames {control}")


def _data_frames(reading: Reading) -> dict[str, int]:
    """Data frames by direction; a heartbeat is a data frame as well."""
    return {
        direction: sum(
            ebbtide.total(reading, _FRAMES, app=APP, direction=direction, kind=kind)
            for kind in ("data", "heartbeat")
        )
        for direction in _DIRECTIONS
    }


def _few(items: list[str], most: int = 3) -> str:
    """A few of many, and how many there are."""
    rest = f" … {len(items)} in all" if len(items) > most else ""
    return "; ".join(items[:most]) + rest if items else "none"
