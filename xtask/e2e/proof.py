"""One trial from start to end: the page works; left alone it is not activity; the person
who comes back is. Then its connection is cut, which is no visit, and it is loaded anew,
which is one.

Every wait is bounded.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Error as PlaywrightError

from outcome import Outcome
from procs import StepFailed
from stand import Stand
from trial import Trial

# What a page sends in its first seconds after a click or a load belongs to that.
BURST_SECONDS = 15
# For so long after a navigation Ebbtide takes what a page does for part of a visit.
VISIT_SECONDS = 60
# How long a page may take to notice that its connection is gone and get another.
RECONNECT_SECONDS = 30


class Proof:
    """Runs `trial` against `binary`; `outcome` holds what came of it. What takes the
    machine's time happens under `busy`, so that trials do not starve each other."""

    def __init__(
        self, trial: Trial, binary: Path, idle_seconds: float, out: Path, busy: asyncio.Semaphore
    ) -> None:
        self._trial, self._case = trial, trial.case
        self._idle, self._busy = idle_seconds, busy
        self.outcome = Outcome(trial, idle_seconds)
        self._stand = Stand(trial, binary, out, self.outcome)

    async def run(self, browser) -> Outcome:
        """Never raises for what the proof is about: that is a failed check."""
        try:
            async with AsyncExitStack() as stack:
                async with self._busy:
                    await self._stand.start(stack, browser)
                    await self._work()
                await self._leave_alone()
                async with self._busy:
                    await self._click("return")
                await self._cut()
                async with self._busy:
                    await self._come_back()
        except (StepFailed, PlaywrightError, AssertionError, OSError) as error:
            self.outcome.check("the proof ran to its end", False, " ".join(str(error).split()))
        return self.outcome

    async def _work(self) -> None:
        stand, visit = self._stand, self._stand.visit
        async with stand.stage("visit", must=("request", "upgrade")):
            await visit.page.goto(visit.url + self._case.path, timeout=60_000)
            self._loaded = time.time()
            await self._case.wait_ready(visit.page)
        await visit.shoot("1-loaded")
        async with stand.stage("work", must=(self._case.person,)):
            await self._case.exercise(visit.page, self.outcome.check, visit.shoot)
        await visit.shoot("2-worked")

    async def _leave_alone(self) -> None:
        stand, outcome = self._stand, self.outcome
        await asyncio.sleep(BURST_SECONDS)
        recognised = stand.ebbtide.explained()["packs_recognised"]
        found = self._case.pack in recognised
        outcome.check("auto recognises the framework", found, ", ".join(recognised) or "nothing")
        outcome.say(f"nobody for {self._idle:.0f} s")
        async with stand.stage("idle", silent=self._trial.silent("idle")):
            await stand.watch(time.time() + self._idle)

    async def _click(self, name: str) -> None:
        async with self._stand.stage(name, must=(self._case.person,)):
            await self._case.touch(self._stand.visit.page)
        await self._stand.visit.shoot(f"3-{name}")

    async def _cut(self) -> None:
        stand = self._stand
        await stand.watch(max(time.time() + BURST_SECONDS, self._loaded + VISIT_SECONDS + 5))
        stand.visit.hush()
        async with stand.stage("cut", silent=self._trial.silent("cut")) as stage:
            cut, at = stand.relay.cut(), time.time()
            self.outcome.check("there is a connection to cut", cut > 0, f"{cut} cut")
            if self._case.reconnects:
                await stand.reconnected(at, stage, RECONNECT_SECONDS)
            await stand.watch(time.time() + BURST_SECONDS)

    async def _come_back(self) -> None:
        page = self._stand.visit.page
        if self._case.survives_cut:
            await self._click("return after cut")
        async with self._stand.stage("reload", must=("request", "upgrade")):
            await page.reload(timeout=60_000)
            await self._case.wait_ready(page)
        # Its own load must not be what is counted.
        await asyncio.sleep(3)
        await self._click("click after reload")
