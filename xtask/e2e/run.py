"""End-to-end proof: real apps behind the real binary in a real browser.

    python3 xtask/e2e/run.py --ebbtide target/release/ebbtide [--minutes 3] [name …]
    python3 xtask/e2e/run.py --ebbtide target/debug/ebbtide --suspend [--quiet-for 180] [name …]

The second has Ebbtide start and stop the apps itself (`suspend/`).
`cargo xtask e2e` is this command after a build. The first run makes virtual
environments under target/e2e and, as root on Debian, installs Chromium. Left in target/e2e
for each trial: NAME.json, and a folder NAME with pictures, logs and report.txt; and for all
of them summary.md. Exit code: 0 when every check holds, 1 when one does not, 2 for a usage
mistake.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path

import bootstrap

# Start-up, working, returning, cutting, reloading and stopping, of all that run together.
SECONDS_BESIDE_IDLE = 1500
# How many trials may load or work on their page at a time.
BUSY = 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ebbtide", type=Path, required=True, help="the binary to prove")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long nobody is there")
    parser.add_argument("--suspend", action="store_true", help="apps that Ebbtide starts and stops")
    quiet = "how many seconds nobody is there once the app is gone"
    parser.add_argument("--quiet-for", type=float, default=180.0, help=quiet)
    parser.add_argument("names", nargs="*", metavar="name", help="trials; default: all")
    arguments = parser.parse_args()
    arguments.ebbtide = arguments.ebbtide.resolve()
    if not os.access(arguments.ebbtide, os.X_OK):
        parser.error(f"{arguments.ebbtide} is not an executable file")
    if not 0.1 <= arguments.minutes <= 60:
        parser.error("--minutes must be between 0.1 and 60")
    if not 5 <= arguments.quiet_for <= 3600:
        parser.error("--quiet-for must be between 5 and 3600")
    return arguments


def _leave_at_once(why: str) -> None:
    """The last resort, from a signal or the watchdog: children follow by
    themselves (they die with their parent, the browser with its driver)."""
    print(f"e2e: {why}; leaving at once", file=sys.stderr, flush=True)
    os._exit(1)


def main() -> int:
    arguments = _arguments()
    try:
        bootstrap.enter()
    except bootstrap.BootstrapError as error:
        print(f"e2e: {error}", file=sys.stderr)
        return 1

    # From here on inside the virtual environment.
    import suspend.run
    from trial import TRIALS

    trials = suspend.run.TRIALS if arguments.suspend else TRIALS
    names = arguments.names or list(trials)
    if unknown := [name for name in names if name not in trials]:
        print(f"e2e: no trial {unknown[0]!r}; there are: {', '.join(trials)}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda n, _: _leave_at_once(signal.Signals(n).name))
    idle = arguments.minutes * 60
    seconds = idle + SECONDS_BESIDE_IDLE
    if arguments.suspend:
        seconds = len(names) * (arguments.quiet_for + suspend.run.SECONDS_BESIDE_QUIET)
    watchdog = threading.Timer(seconds, _leave_at_once, ["it took far too long"])
    watchdog.daemon = True
    watchdog.start()
    os.nice(5)
    if arguments.suspend:
        given = (names, arguments.ebbtide, arguments.quiet_for, bootstrap.OUT)
        return asyncio.run(suspend.run.prove(*given))
    return asyncio.run(_prove([TRIALS[name] for name in names], arguments.ebbtide, idle))


async def _prove(trials: list, binary: Path, idle: float) -> int:
    """All trials at once: a page that is left alone costs next to nothing."""
    from browser import chromium
    from demo import DemoProof
    from heartbeat import HeartbeatProof
    from table import full, markdown, summary
    from verdicts import conclude
    from visit import VisitProof

    busy = asyncio.Semaphore(BUSY)
    async with chromium() as browser:
        kinds = {"visit": VisitProof, "heartbeat": HeartbeatProof, "demo": DemoProof}
        proofs = [kinds[t.proof](t, binary, idle, bootstrap.OUT, busy) for t in trials]
        outcomes = await asyncio.gather(*(proof.run(browser) for proof in proofs))
    for outcome in outcomes:
        conclude(outcome)
        name = outcome.trial.name
        result = json.dumps(outcome.as_json(), indent=2, ensure_ascii=False)
        (bootstrap.OUT / f"{name}.json").write_text(result + "\n")
        (bootstrap.OUT / name / "report.txt").write_text(full(outcome))
    (bootstrap.OUT / "summary.md").write_text(markdown(outcomes))
    print("", *summary(outcomes), "", sep="\n")
    for outcome in outcomes:
        for name, holds, detail in outcome.checks:
            if not holds:
                print(f"e2e: {outcome.trial.name} FAILED {name}: {detail}")
    failed = [outcome.trial.name for outcome in outcomes if not outcome.ok]
    passed = f"{len(outcomes) - len(failed)} of {len(outcomes)} trials passed"
    print(f"e2e: {passed}; more in {bootstrap.OUT}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
