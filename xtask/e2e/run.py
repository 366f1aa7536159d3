"""End-to-end proof: real apps behind the real binary in a real browser.

    python3 xtask/e2e/run.py --ebbtide target/release/ebbtide [--minutes 3] [name …]

`cargo xtask e2e` is this command after a build. The first run makes a virtual
environment under target/e2e and, as root on Debian, installs Chromium. Left in target/e2e
for each case: NAME.json, and a folder NAME with pictures and logs. Exit code: 0 when every
check holds, 1 when one does not, 2 for a usage mistake.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

import bootstrap

# Start-up, the working page, loading, returning and stopping, all together.
SECONDS_BESIDE_IDLE = 420


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ebbtide", type=Path, required=True, help="the binary to prove")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long nobody is there")
    parser.add_argument("names", nargs="*", metavar="name", help="cases; default: all")
    arguments = parser.parse_args()
    arguments.ebbtide = arguments.ebbtide.resolve()
    if not os.access(arguments.ebbtide, os.X_OK):
        parser.error(f"{arguments.ebbtide} is not an executable file")
    if not 0.5 <= arguments.minutes <= 60:
        parser.error("--minutes must be between 0.5 and 60")
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
    from cases import CASES
    from proof import Proof
    from table import show
    from verdicts import conclude

    names = arguments.names or list(CASES)
    if unknown := [name for name in names if name not in CASES]:
        print(f"e2e: no case {unknown[0]!r}; there are: {', '.join(CASES)}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda n, _: _leave_at_once(signal.Signals(n).name))

    failed = []
    for name in names:
        idle = arguments.minutes * 60
        watchdog = threading.Timer(
            idle + SECONDS_BESIDE_IDLE, _leave_at_once, [f"{name} took far too long"]
        )
        watchdog.daemon = True
        watchdog.start()
        outcome = Proof(CASES[name], arguments.ebbtide, idle, bootstrap.OUT).run()
        watchdog.cancel()
        conclude(outcome)
        show(outcome)
        result = bootstrap.OUT / f"{name}.json"
        result.write_text(json.dumps(outcome.as_json(), indent=2, ensure_ascii=False) + "\n")
        print(f"\ne2e: {name} {'passed' if outcome.ok else 'FAILED'}; see {result}", flush=True)
        if not outcome.ok:
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
