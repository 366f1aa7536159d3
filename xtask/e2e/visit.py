"""One trial from start to end: the page works; left alone it is not activity; the person
who comes back is. Then its connection is cut, which is no visit, and it is loaded anew,
which is one.
"""

import asyncio
import time
from contextlib import AsyncExitStack

from proof import BURST_SECONDS, Proof

# For so long after a navigation Ebbtide takes what a page does for part of a visit.
VISIT_SECONDS = 60
# How long a page may take to notice that its connection is gone and get another.
RECONNECT_SECONDS = 30


class VisitProof(Proof):
    """A person's visit."""

    async def _begin(self, stack: AsyncExitStack) -> None:
        stand, visit = self._stand, self._stand.visit
        async with stand.stage("visit", must=("request", "upgrade")):
            await visit.page.goto(visit.url + self._case.path, timeout=60_000)
            self._loaded = time.time()
            await self._case.wait_ready(visit.page)
        await visit.shoot("1-loaded")
        async with stand.stage("work", must=(self._case.person,)):
            await self._case.exercise(visit.page, self.outcome.check, visit.shoot)
        await visit.shoot("2-worked")

    async def _go_on(self) -> None:
        await self._leave_alone()
        async with self._busy:
            await self._click("return")
        await self._cut()
        async with self._busy:
            await self._come_back()

    async def _leave_alone(self) -> None:
        stand, outcome = self._stand, self.outcome
        await asyncio.sleep(BURST_SECONDS)
        if self._case.packs == ("auto",):
            recognised = stand.ebbtide.explained()["packs_recognised"]
            told = ", ".join(recognised) or "nothing"
            outcome.check("auto recognises the framework", self._case.pack in recognised, told)
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
