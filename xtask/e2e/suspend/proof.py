"""One app's trial: the first visit starts it, a tab that is left alone does not keep it, nothing
that the tab does by itself starts it again, and a reload does.
"""

import asyncio
import shutil
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Response

from account import tally
from browser import Visit
from cases import Case
from checks import Checks
from outcome import versions
from procs import StepFailed
from suspend.hosted import Hosted
from suspend.samples import SLACK, down_at, quiet, suspension

IDLE_AFTER = 20.0


class SuspendProof(Checks):
    """Runs `case` by `ebbtide run --idle-after 20s -- COMMAND`. `figures` is for the table."""

    def __init__(self, case: Case, binary: Path, quiet_for: float, out: Path) -> None:
        super().__init__(case.name)
        self.case, self._binary, self._quiet_for = case, binary, quiet_for
        self.folder = out / "suspend" / case.name
        self.versions = versions(case)
        self.figures: dict[str, str] = {}
        self.visit: Visit | None = None

    async def run(self, browser) -> None:
        """Never raises for what the proof is about: that is a failed check."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            async with AsyncExitStack() as stack:
                await self._start(stack, browser)
                await self._live()
        except (StepFailed, PlaywrightError, AssertionError, OSError) as error:
            self.check("the proof ran to its end", False, " ".join(str(error).split()))

    async def _start(self, stack: AsyncExitStack, browser) -> None:
        self.case.prepare(self.folder)
        command = self.case.command(sys.executable, "{port}", 0)
        arguments = ["--idle-after", f"{IDLE_AFTER:.0f}s", "--", *command]
        self.app = Hosted(self._binary, arguments, self.folder, str(self.folder))
        stack.push_async_callback(self._stop)
        await self.app.start()
        self.versions["chromium"] = browser.version
        self.visit = Visit(self.app.url, self.case.name_frame, self.folder)
        await self.visit.open(browser)
        stack.push_async_callback(self.visit.close)
        self.visit.page.on("dialog", lambda dialog: dialog.accept())
        await stack.enter_async_context(self.app.watching())

    async def _stop(self) -> None:
        code = await asyncio.to_thread(self.app.proxy.child.stop, 40)
        self.check("Ebbtide ends by itself on SIGTERM with 0", code == 0, f"exit {code}")
        left = self.app.processes()
        self.check("no process is left behind", not left, f"{len(left)} left")
        wrong = self.app.proxy.complaints()
        self.check("Ebbtide warns of nothing", not wrong, "; ".join(wrong[:3]) or "nothing")

    async def _live(self) -> None:
        first = await asyncio.to_thread(self.app.look)
        self.check("nothing runs before somebody comes", first.down, first.state)
        await self.come("first visit", reload=False)
        await self.use("1-used")
        await self.between()
        self.figures["gone after"] = f"{await self.gone() - self.left:.1f} s"
        await self._stay_away()
        await self.come("reload", reload=True)
        await self.use("3-used-again")

    async def between(self) -> None:
        """What else is tried before the tab is left alone for long."""

    async def come(self, name: str, reload: bool) -> None:
        """Somebody opens the page of an app that does not run, and is let in."""
        page, began = self.visit.page, time.time()
        if reload:
            response = await page.reload(timeout=60_000)
        else:
            response = await page.goto(self.visit.url + self.case.path, timeout=60_000)
        await self.visit.shoot(f"waiting-{name.replace(' ', '-')}")
        self.check(f"the waiting page is shown ({name})", *_is_waiting_page(response))
        try:
            await self.case.wait_ready(page)
        except (PlaywrightError, AssertionError):
            await self.visit.shoot(f"failed-{name.replace(' ', '-')}")
            raise
        self.figures[name] = f"{time.time() - began:.1f} s"
        self.say(f"{name}: in after {self.figures[name]}")

    async def use(self, picture: str) -> None:
        """Somebody clicks and types, and the app answers."""
        page = self.visit.page
        try:
            await self.case.touch(page)
            await self.case.write(page, "spring")
        except (PlaywrightError, AssertionError):
            await self.visit.shoot(f"failed-{picture}")
            raise
        self.left = time.time()
        await self.visit.shoot(picture)

    async def gone(self, worked: bool = False) -> float:
        """The tab stays open and nobody is there: the app must go. When it was down.
        `worked`: as in `suspension`."""
        self.say(f"nobody, until it is gone {IDLE_AFTER:.0f} s later")
        if down_at(self.app.samples, self.left) is None:
            await self.app.until(lambda sample: sample.down, IDLE_AFTER + SLACK + 60)
        for finding in suspension(self.app.samples, self.left, IDLE_AFTER, worked):
            self.check(*finding)
        down = down_at(self.app.samples, self.left)
        if down is None:
            raise StepFailed(f"it is still awake: {self.app.proxy.apps()[0]}")
        self.say(f"gone after {down - self.left:.1f} s")
        return down

    async def _stay_away(self) -> None:
        self.say(f"nobody for {self._quiet_for:.0f} s more")
        begin = time.time()
        await self.app.pause(self._quiet_for)
        end = time.time()
        for finding in quiet(self.app.samples, begin, end):
            self.check(*finding)
        asked = self.visit.account.between(begin, end)
        self.figures["asked meanwhile"] = _asked(asked)
        self.say(f"meanwhile the tab: {self.figures['asked meanwhile']}")
        await self.visit.shoot("2-left-alone")


def _is_waiting_page(response: Response | None) -> tuple[bool, str]:
    if response is None:
        return False, "no answer"
    fields = response.headers
    told = (response.status, fields.get("x-ebbtide-reason"), fields.get("cache-control"))
    return told == (503, "app-starting", "no-store"), str(told)


def _asked(events: list) -> str:
    traffic = tally(events)
    return f"{traffic.get('request', 0)} requests, {traffic.get('upgrade', 0)} handshakes"
