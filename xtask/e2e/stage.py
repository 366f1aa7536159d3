"""One stretch of a trial, as Ebbtide accounts for it."""

import time
from dataclasses import dataclass

import ebbtide
from ebbtide import APP, Ebbtide, Reading

REASONS = ("input", "output", "request", "upgrade")


@dataclass(frozen=True)
class Moment:
    """What Ebbtide's metrics and API said at one time."""

    t: float
    metrics: Reading
    # How often each rule has ignored something.
    rules: dict[str, int]

    @classmethod
    def now(cls, proxy: Ebbtide) -> "Moment":
        app = proxy.explained()
        rules = {row["rule"]: row["count"] for row in app["ignored"]}
        return cls(time.time(), proxy.metrics(), {**rules, "output": app["ignored_output"]})


@dataclass
class Stage:
    """From one moment to another. At least one of the reasons in `must` must count in
    it; in a `silent` one nothing may."""

    name: str
    begin: Moment
    end: Moment | None = None
    must: tuple[str, ...] = ()
    silent: bool = False
    note: str = ""

    @property
    def grown(self) -> Reading:
        """What the metrics added."""
        return ebbtide.grown(self.begin.metrics, self.end.metrics) if self.end else {}

    @property
    def counted(self) -> dict[str, int]:
        """What counted as activity, by reason."""
        grown = self.grown
        counts = {
            reason: ebbtide.total(grown, "ebbtide_activity_total", app=APP, reason=reason)
            for reason in REASONS
        }
        return {reason: count for reason, count in counts.items() if count}

    @property
    def ignored(self) -> dict[str, int]:
        """What did not, by rule; `output`: frames of an app of which only input counts."""
        after = self.end.rules if self.end else {}
        grown = {rule: count - self.begin.rules.get(rule, 0) for rule, count in after.items()}
        return {rule: count for rule, count in grown.items() if count}

    @property
    def control_frames(self) -> int:
        return ebbtide.total(self.grown, "ebbtide_frames_total", app=APP, kind="control")

    @property
    def holds(self) -> bool:
        """Whether what counted is what had to."""
        if self.silent:
            return not self.counted
        return not self.must or any(reason in self.counted for reason in self.must)


def few(counts: dict[str, int]) -> str:
    """Counts by name, for a person."""
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing"
