"""What came of the trials, for a person."""

from suspend.proof import SuspendProof

_HEAD = ["trial", "first visit", "gone after", "asked meanwhile", "reload"]


def markdown(proofs: list[SuspendProof]) -> str:
    """A line for each trial, for the documentation."""
    rows = [[p.case.name, *(p.figures.get(name, "-") for name in _HEAD[1:])] for p in proofs]
    lines = [_HEAD, ["---"] * len(_HEAD), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def full(proof: SuspendProof) -> str:
    """Versions, figures and checks of one trial."""
    versions = ", ".join(f"{name} {number}" for name, number in proof.versions.items())
    figures = [f"{name}: {figure}" for name, figure in proof.figures.items()]
    checks = [f"{'ok' if ok else 'FAILED':6}  {name}: {told}" for name, ok, told in proof.checks]
    return "\n".join([f"{proof.case.name}: {versions}", "", *figures, "", *checks]) + "\n"
