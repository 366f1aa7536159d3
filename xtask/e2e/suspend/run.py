"""Runs the trials of `cargo xtask e2e --suspend`, one after the other."""

from functools import partial
from pathlib import Path

from browser import chromium
from cases import CASES
from cases.jupyterlab import JupyterLabAtWork, JupyterLabWriting
from suspend.jupyter import ComputingProof, WritingProof
from suspend.pictures import PicturesProof
from suspend.proof import SuspendProof
from suspend.table import full, markdown, traffic

_PLAIN = [CASES[name] for name in ("streamlit-timer", "gradio", "shiny", "nicegui")]
_PROOFS = [
    *(partial(SuspendProof, case) for case in _PLAIN),
    partial(ComputingProof, JupyterLabAtWork()),
    partial(WritingProof, JupyterLabWriting()),
]
# By name: what makes the proof of it, from the binary, the seconds of quiet and the folder.
TRIALS = {proof.args[0].name: proof for proof in _PROOFS} | {PicturesProof.name: PicturesProof}
# Starting, working, waiting until it is gone, and coming back, of one trial.
SECONDS_BESIDE_QUIET = 900


async def prove(names: list[str], binary: Path, quiet_for: float, out: Path) -> int:
    """The exit code. `quiet_for`: how many seconds each tab is left alone once its app is
    gone."""
    proofs = [TRIALS[name](binary, quiet_for, out) for name in names]
    for proof in proofs:
        # A browser of its own for each: what the last one left must not be in the way.
        async with chromium() as browser:
            await proof.run(browser)
        (proof.folder / "report.txt").write_text(full(proof))
        (proof.folder / "traffic.txt").write_text(traffic(proof))
        proof.say("passed" if proof.ok else "FAILED")
    table = markdown(proofs)
    (out / "suspend" / "summary.md").write_text(table)
    print("", table, sep="\n")
    for proof in proofs:
        for name, holds, detail in proof.checks:
            if not holds:
                print(f"e2e: {proof.name} FAILED {name}: {detail}")
    passed = sum(proof.ok for proof in proofs)
    print(f"e2e: {passed} of {len(proofs)} trials passed; more in {out / 'suspend'}", flush=True)
    return 0 if passed == len(proofs) else 1
