"""What runs for one trial: the app, the control plane, Ebbtide, the stretch of network
before it, and a page. Every process is stopped on the way out.
"""

import asyncio
import json
import os
import shutil
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import Error as PlaywrightError

from browser import Visit
from control_plane import ControlPlane
from ebbtide import Ebbtide
from outcome import Outcome
from procs import Child, free_port
from relay import Relay
from stage import Moment, Stage
from trial import Trial

# How long a click may take to be counted.
COUNT_SECONDS = 10


class Stand:
    """Everything for `trial`, once it has started; `folder` holds its logs and pictures."""

    def __init__(self, trial: Trial, binary: Path, out: Path, outcome: Outcome) -> None:
        self.trial, self._binary, self.outcome = trial, binary, outcome
        self.folder = out / trial.name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    async def start(self, stack: AsyncExitStack, browser) -> None:
        """Starts all of it, and opens an empty page."""
        case, port, public = self.trial.case, free_port(), free_port()
        self.outcome.say(f"starting the app on port {port}")
        case.prepare(self.folder)
        environment = {**os.environ, "HOME": str(self.folder), "PYTHONUNBUFFERED": "1"}
        self.app = Child(
            case.name,
            case.command(sys.executable, port, public),
            self.folder / "server.log",
            cwd=self.folder,
            env=environment,
        )
        stack.push_async_callback(asyncio.to_thread, self.app.stop)
        await self.app.wait_http(f"http://127.0.0.1:{port}{case.ready_path}", 120)
        self.control = ControlPlane()
        stack.callback(self.control.stop)
        choices = {"sockets": self.trial.sockets, "compression": self.trial.compression}
        choices["packs"] = json.dumps(case.packs)
        self.ebbtide = Ebbtide.before_app(
            self._binary, port, self.control.port, self.folder, **choices
        )
        stack.push_async_callback(self._stop_ebbtide)
        await self.ebbtide.start()
        self.relay = Relay(public, self.ebbtide.port)
        await self.relay.start()
        stack.push_async_callback(self.relay.stop)
        self.outcome.versions["chromium"] = browser.version
        url = f"http://127.0.0.1:{public}"
        self.visit = self.outcome.visit = Visit(url, case.name_frame, self.folder)
        await self.visit.open(browser)
        stack.push_async_callback(self.visit.close)

    async def _stop_ebbtide(self) -> None:
        outcome = self.outcome
        outcome.phase("shutdown")
        code = await asyncio.to_thread(self.ebbtide.child.stop, 40)
        outcome.check("Ebbtide ends by itself on SIGTERM with 0", code == 0, f"exit {code}")
        outcome.log_complaints = self.ebbtide.complaints()
        await asyncio.sleep(0.5)  # a report sent while leaving may still be on its way in
        outcome.reports, outcome.strangers = self.control.reports, self.control.strangers

    @asynccontextmanager
    async def stage(self, name: str, must: tuple[str, ...] = (), silent: bool = False):
        """Accounts for what is done inside. A stage with `must` lasts until that counts."""
        self.outcome.phase(name)
        stage = Stage(name, Moment.now(self.ebbtide), must=must, silent=silent)
        self.outcome.stages.append(stage)
        try:
            yield stage
        except (PlaywrightError, AssertionError):
            await self.visit.shoot(f"failed-{name}")
            raise
        finally:
            deadline = time.monotonic() + COUNT_SECONDS
            stage.end = Moment.now(self.ebbtide)
            while must and not stage.holds and time.monotonic() < deadline:
                await asyncio.sleep(0.2)
                stage.end = Moment.now(self.ebbtide)
        self.outcome.phase(f"after {name}")
        self.outcome.conclude_stage(stage)
        if silent:
            # Reports give whole seconds: what comes next must not share one with this.
            await asyncio.sleep(1.5)

    async def watch(self, until: float) -> None:
        """Lets time pass without touching the page."""
        while (now := time.time()) < until:
            await asyncio.sleep(min(1.0, until - now))
            self.ebbtide.child.ensure_alive()

    async def reconnected(self, cut: float, stage: Stage, seconds: float) -> None:
        """Waits for the page to open its WebSocket again by itself after `cut`."""
        while time.time() < cut + seconds:
            again = [e for e in self.visit.account.events if e.kind == "upgrade" and e.t > cut]
            if again:
                stage.note = f"reconnected after {again[0].t - cut:.1f} s"
                return
            await asyncio.sleep(0.2)
        told = f"no WebSocket within {seconds:.0f} s"
        self.outcome.check("the page reconnects by itself", False, told)
