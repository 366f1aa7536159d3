"""Child processes that never outlive the proof.

Each child leads a process group of its own, writes to a log file, and is told by
the kernel to die with its parent. `Child.stop` asks, waits, then kills the group.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
# Loopback only: a proxy named in the environment must not get between.
_opener = build_opener(ProxyHandler({}))


class StepFailed(Exception):
    """A part of the proof could not go on; the message is for a person."""


def free_port() -> int:
    """A loopback TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def http_get(url: str, seconds: float = 5.0) -> tuple[int, str]:
    """Status and body of a GET; `OSError` when nobody answers."""
    try:
        with _opener.open(url, timeout=seconds) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A running command, its output in `log`."""

    def __init__(self, name: str, command: list[str], log: Path, **popen) -> None:
        self.name, self.log = name, log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
                **popen,
            )

    def text(self) -> str:
        """All that it has written so far."""
        return self.log.read_text(errors="replace")

    def ensure_alive(self) -> None:
        """Raises, with the end of its log, when the child has ended by itself."""
        code = self._process.poll()
        if code is not None:
            tail = "\n".join(self.text().splitlines()[-15:])
            raise StepFailed(f"{self.name} ended by itself with {code}:\n{tail}")

    async def wait_until(self, what: str, ready, seconds: float):
        """Calls `ready` until it returns something true, and returns that."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.ensure_alive()
            if found := ready():
                return found
            await asyncio.sleep(0.1)
        tail = "\n".join(self.text().splitlines()[-15:])
        raise StepFailed(f"{self.name}: no {what} within {seconds:.0f} s:\n{tail}")

    async def wait_http(self, url: str, seconds: float) -> None:
        """Waits until `url` answers 200."""

        def ready() -> bool:
            try:
                return http_get(url)[0] == 200
            except OSError:
                return False

        await self.wait_until(f"200 from {url}", ready, seconds)

    def freeze(self, frozen: bool) -> None:
        """Stops the whole group in its tracks, or lets it go on."""
        os.killpg(self._process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def stop(self, seconds: float = 10.0) -> int | None:
        """SIGTERM, then SIGKILL to the whole group after `seconds`. Returns the
        exit code, or None when it had to be killed. Harmless when repeated."""
        killed = False
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                killed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        return None if killed else code
