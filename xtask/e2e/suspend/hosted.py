"""An app that Ebbtide starts, watched from outside: by the API, and by its processes."""

import asyncio
import contextlib
import time
from datetime import datetime
from pathlib import Path

import ebbtide
from ebbtide import Ebbtide
from suspend.samples import Sample

# In the environment of Ebbtide, and so of all that it starts.
MARK = "TIDE_E2E_TRIAL"
_PERIOD = 0.5


def processes(mark: str, proxy: Path) -> frozenset[int]:
    """Numbers of the processes that carry this mark, without the program `proxy` itself."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        # They come and go meanwhile.
        with contextlib.suppress(OSError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            # It may have been built anew meanwhile.
            program = str((folder / "exe").readlink()).removesuffix(" (deleted)")
            if wanted in variables and program != str(proxy):
                found.add(int(folder.name))
    return frozenset(found)


class Hosted:
    """`ebbtide run … -- COMMAND` in `folder`; `samples` grows while `watching` runs."""

    def __init__(self, binary: Path, arguments: list[str], folder: Path, mark: str) -> None:
        self._binary, self._mark = binary, mark
        free = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--sockets", "tcp-info"]
        environment = {MARK: mark, "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
        self.proxy = Ebbtide(binary, [*free, *arguments], folder, **environment)
        self.samples: list[Sample] = []

    async def start(self) -> None:
        await self.proxy.start()
        self.url = f"http://127.0.0.1:{self.proxy.port}"

    def processes(self) -> frozenset[int]:
        return processes(self._mark, self._binary)

    def look(self) -> Sample:
        """The app as it is now."""
        app, reading = self.proxy.apps()[0], self.proxy.metrics()
        last = app["last_activity"]
        return Sample(
            t=time.time(),
            state=app["state"],
            processes=self.processes(),
            wakes=ebbtide.total(reading, "ebbtide_wakes_total"),
            activity=datetime.fromisoformat(last["at"]).timestamp() if last else None,
            busy=app["work"]["since"] is not None,
            lines=self.proxy.child.text().count("\n"),
        )

    @contextlib.asynccontextmanager
    async def watching(self):
        """Looks all the time."""

        async def watch() -> None:
            while True:
                self.samples.append(await asyncio.to_thread(self.look))
                await asyncio.sleep(_PERIOD)

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until(self, ready, seconds: float) -> bool:
        """Whether a sample for which `ready` holds comes in this time."""
        end, seen = time.monotonic() + seconds, len(self.samples)
        while time.monotonic() < end:
            if any(ready(sample) for sample in self.samples[seen:]):
                return True
            self.proxy.child.ensure_alive()
            await asyncio.sleep(_PERIOD)
        return False

    async def pause(self, seconds: float) -> None:
        """Lets time pass without touching the page."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.proxy.child.ensure_alive()
            await asyncio.sleep(min(1.0, left))
