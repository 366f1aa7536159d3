"""What is tried: each framework, and those that compress also without and unseen."""

from dataclasses import dataclass

from cases import CASES, FRAMED, Case, Demo


@dataclass(frozen=True)
class Trial:
    """A case under one way to treat compression (`compression` in the configuration)."""

    case: Case
    compression: str = "inspect"
    # One trial takes what the machine offers. The others poll: their proof is about
    # frames, and as many kernel programs would slow whoever else uses this machine.
    sockets: str = "tcp-info"
    # What is proved: a person's "visit", a host's "heartbeat", or what the "demo" shows.
    proof: str = "visit"

    @property
    def name(self) -> str:
        plain = self.compression == "inspect"
        return self.case.name if plain else f"{self.case.name}-{self.compression}"

    def silent(self, stage: str) -> bool:
        """Whether nothing may count in this stage. Otherwise it does by design: what the
        page sends there cannot be told from a person."""
        blind = self.compression == "pass" and self.case.compresses
        return not blind and stage not in self.case.counts


def _trials() -> list[Trial]:
    trials = []
    for case in CASES.values():
        sockets = "auto" if case.name == "streamlit" else "tcp-info"
        ways = ("inspect", "strip", "pass") if case.compresses else ("inspect",)
        trials += [Trial(case, way, sockets) for way in ways]
    trials += [Trial(case, proof="heartbeat") for case in FRAMED]
    return [*trials, Trial(Demo(), proof="demo")]


TRIALS: dict[str, Trial] = {trial.name: trial for trial in _trials()}
