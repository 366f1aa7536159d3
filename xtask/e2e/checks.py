"""What was checked, and said while it ran."""

import time

_START = time.time()


def seconds(t: float) -> float:
    """A time in seconds since the program began, as it is printed."""
    return t - _START


class Checks:
    """Filled while a proof runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checks: list[tuple[str, bool, str]] = []

    def say(self, what: str) -> None:
        print(f"e2e {seconds(time.time()):6.1f} s  {self.name}: {what}", flush=True)

    def check(self, name: str, holds: bool, detail: str) -> None:
        """Writes down one thing that must be so, and says it when it is not."""
        self.checks.append((name, holds, detail))
        if not holds:
            self.say(f"FAILED {name}: {detail}")

    @property
    def ok(self) -> bool:
        return all(holds for _, holds, _ in self.checks)
