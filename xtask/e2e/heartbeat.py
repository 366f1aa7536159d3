"""Heartbeats of a host: it embeds the app in a page of another origin and asks for a
heartbeat every few seconds. They are no activity, each is answered once, by the app or for
it, and an app that is frozen gets its page told to reconnect.
"""

import asyncio
import time
from contextlib import AsyncExitStack

from playwright.async_api import Frame, Route

import ebbtide
from parent import Parent
from proof import BURST_SECONDS, Proof

BEAT_SECONDS = 5
# What the host tells the page to wait for an answer; the page reconnects without one.
PATIENCE_MS = 8_000
# So long that only Ebbtide can be the one who ends the connection of a frozen app.
NO_PATIENCE_MS = 300_000
# The pack's timeout is 10 s.
END_SECONDS = 30
RECONNECT_SECONDS = 60


class HeartbeatProof(Proof):
    """A page of a host around the page of the app."""

    async def _begin(self, stack: AsyncExitStack) -> None:
        self._parent = Parent(self._stand.visit.url)
        stack.callback(self._parent.stop)
        await self._load()

    async def _go_on(self) -> None:
        await asyncio.sleep(BURST_SECONDS)
        await self._beat()
        await self._freeze()
        async with self._busy, self._stand.stage("return", must=(self._case.person,)):
            await self._case.touch(self._frame())
        await self._stand.visit.shoot("4-returned")

    def _frame(self) -> Frame:
        return next(f for f in self._stand.visit.page.frames if f.parent_frame)

    async def _load(self) -> None:
        visit = self._stand.visit
        await visit.note_closes()
        # What a platform puts in front of its apps: only named hosts may talk to the page.
        await visit.page.route("**/_stcore/host-config", self._allow)
        async with self._stand.stage("visit", must=("request", "upgrade")):
            await visit.page.goto(self._parent.url, timeout=60_000)
            await self._case.wait_ready(self._frame())
        await visit.shoot("1-loaded")

    async def _allow(self, route: Route) -> None:
        answer = await route.fetch()
        config = await answer.json() | {"allowedOrigins": [self._parent.url]}
        await route.fulfill(response=answer, json=config)

    async def _beat(self) -> None:
        outcome, visit = self.outcome, self._stand.visit
        outcome.say(f"nobody but the host's heartbeats for {self._idle:.0f} s")
        async with self._stand.stage("idle", silent=True):
            until, asked = time.time() + self._idle, 0
            while time.time() < until:
                await visit.page.evaluate("beat", PATIENCE_MS)
                asked += 1
                await self._stand.watch(min(until, time.time() + BEAT_SECONDS))
            await self._stand.watch(time.time() + BEAT_SECONDS)
        await visit.shoot("2-heartbeats")
        sent, acked = self._count("sent", "app_heartbeat"), self._count("received", "heartbeat_ack")
        told = f"{asked} asked for, {sent} sent, {acked} answers"
        outcome.check("each heartbeat is answered once", asked == sent == acked > 0, told)
        upgrades = [event for event in outcome.events("idle") if event.kind == "upgrade"]
        outcome.check("the page does not reconnect", not upgrades, f"{len(upgrades)} WebSockets")
        wrong = visit.complaints
        outcome.check("the page takes the answers", not wrong, "; ".join(wrong[:3]) or "none")

    def _count(self, kind: str, name: str) -> int:
        events = self.outcome.events("idle")
        return sum(e.kind == kind and e.what.split()[-1] == name for e in events)

    async def _freeze(self) -> None:
        """The app stands still although its sockets are up."""
        outcome, stand = self.outcome, self._stand
        stand.visit.hush()
        async with stand.stage("frozen", silent=True) as stage:
            stand.app.freeze(True)
            try:
                frozen = time.time()
                await stand.visit.page.evaluate("beat", NO_PATIENCE_MS)
                closes = await self._closed(frozen)
                took = time.time() - frozen
            finally:
                stand.app.freeze(False)
            told = f"{closes or 'nothing'} after {took:.1f} s"
            outcome.check("a frozen app's page is told to reconnect (1012)", closes == [1012], told)
            await stand.reconnected(frozen, stage, RECONNECT_SECONDS)
            await stand.watch(time.time() + BURST_SECONDS)
            await self._case.wait_ready(self._frame())
        stage.note = f"1012 after {took:.1f} s, {stage.note}"
        await stand.visit.shoot("3-unfrozen")
        name = "ebbtide_reaped_total"
        reaped = ebbtide.total(stage.grown, name, reason="ack_timeout")
        outcome.check("Ebbtide says why it ended the session", reaped == 1, f"ack_timeout {reaped}")

    async def _closed(self, since: float) -> list[int]:
        while time.time() < since + END_SECONDS:
            if closes := await self._frame().evaluate("window.ebbtideCloses"):
                return closes
            await asyncio.sleep(0.2)
        return []
