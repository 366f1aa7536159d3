"""What came of the trials, for a person."""

from checks import seconds
from suspend.pictures import PicturesProof
from suspend.proof import SuspendProof

_HEAD = ["trial", "first visit", "gone after", "asked meanwhile", "reload"]


def markdown(proofs: list[SuspendProof | PicturesProof]) -> str:
    """A line for each trial, for the documentation."""
    rows = [[p.name, *(p.figures.get(name, "-") for name in _HEAD[1:])] for p in proofs if p.figures]
    lines = [_HEAD, ["---"] * len(_HEAD), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def full(proof: SuspendProof | PicturesProof) -> str:
    """Versions, figures and checks of one trial."""
    versions = ", ".join(f"{name} {number}" for name, number in proof.versions.items())
    figures = [f"{name}: {figure}" for name, figure in proof.figures.items()]
    checks = [f"{'ok' if ok else 'FAILED':6}  {name}: {told}" for name, ok, told in proof.checks]
    return "\n".join([f"{proof.name}: {versions}", "", *figures, "", *checks]) + "\n"


def traffic(proof: SuspendProof | PicturesProof) -> str:
    """All that the browser sent and got, in the seconds of the trial's log."""
    visit = proof.visit
    events = sorted(visit.account.events, key=lambda e: e.t) if visit else []
    return "".join(f"{seconds(e.t):7.1f} {e.kind:8} {e.what}\n" for e in events)
