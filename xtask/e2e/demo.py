"""The demo's page in a browser: green while somebody uses it, grey when it is left alone, and
never another word than the terminal's.
"""

import asyncio
import json
import re
import shutil
import time
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import expect

from browser import Visit
from outcome import Outcome
from procs import Child, StepFailed, http_get
from trial import Trial

# After 10 s without activity the page turns grey.
GREY_MS = 60_000
# Left alone for this long at most after that: nothing comes that was not there in the first minute.
MOST_IDLE_SECONDS = 60
# Keeps how often the page became green.
COUNT_GREENS = """window.ebbtideGreens = 0;
new MutationObserver(changes => {
  for (const change of changes) if (change.target.className === "used") window.ebbtideGreens += 1;
}).observe(document.getElementById("verdict"), { attributeFilter: ["class"] });"""


class DemoProof:
    """Runs `ebbtide demo` and its page; `outcome` holds what came of it."""

    def __init__(
        self, trial: Trial, binary: Path, idle_seconds: float, out: Path, busy: asyncio.Semaphore
    ) -> None:
        self._case, self._binary, self._busy = trial.case, binary, busy
        self._idle = min(idle_seconds, MOST_IDLE_SECONDS)
        self.outcome = Outcome(trial, self._idle)
        self._folder = out / trial.name

    async def run(self, browser) -> Outcome:
        """Never raises for what the proof is about: that is a failed check."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        try:
            async with AsyncExitStack() as stack:
                async with self._busy:
                    await self._start(stack, browser)
                await self._leave_alone()
                async with self._busy:
                    await self._come_back()
        except (StepFailed, PlaywrightError, AssertionError, OSError) as error:
            self.outcome.check("the proof ran to its end", False, " ".join(str(error).split()))
        return self.outcome

    async def _start(self, stack: AsyncExitStack, browser) -> None:
        free = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--sockets", "tcp-info"]
        command = [str(self._binary), "demo", *free]
        self._demo = Child("demo", command, self._folder / "demo.log", cwd=self._folder)
        stack.push_async_callback(self._stop)
        page = await self._printed("the page's address", r"^Open (\S+)/ in a browser")
        self._admin = (await self._printed("the admin address", r"metrics (\S+)/metrics"))
        self._visit = self.outcome.visit = Visit(page, self._case.name_frame, self._folder)
        await self._visit.open(browser)
        stack.push_async_callback(self._visit.close)
        self.outcome.versions["chromium"] = browser.version
        await self._visit.page.goto(page, timeout=60_000)
        await self._case.wait_ready(self._visit.page)
        await self._visit.shoot("1-loaded")

    async def _printed(self, what: str, pattern: str) -> str:
        def found() -> str | None:
            match = re.search(pattern, self._demo.text(), re.MULTILINE)
            return match and match[1]

        return await self._demo.wait_until(what, found, 30)

    async def _leave_alone(self) -> None:
        outcome, verdict = self.outcome, self._case.verdict(self._visit.page)
        outcome.say(f"nobody until it is grey, and {self._idle:.0f} s more")
        await expect(verdict).not_to_have_class("used", timeout=GREY_MS)
        await self._visit.page.evaluate(COUNT_GREENS)
        until = time.time() + self._idle
        while (now := time.time()) < until:
            await asyncio.sleep(min(1.0, until - now))
            self._demo.ensure_alive()
        greens = await self._visit.page.evaluate("window.ebbtideGreens")
        outcome.check("the page left alone stays grey", greens == 0, f"green {greens} times")
        said = await verdict.inner_text()
        told = "did not count" in said and "a WebSocket that was opened" in said
        outcome.check("the page says why", told, said)
        last = self._you()["last_activity"]["reason"]
        outcome.check("the API says the same", last == "upgrade", last)
        news = re.findall(r"you \(session \d+\): (.*)", self._demo.text())
        same = bool(news) and news[-1] == "not activity: only control frames"
        outcome.check("the terminal says the same", same, "; ".join(news) or "nothing")
        await self._visit.shoot("2-left-alone")

    async def _come_back(self) -> None:
        verdict = self._case.verdict(self._visit.page)
        await self._case.touch(self._visit.page)
        await expect(verdict).to_have_class("used")
        await expect(verdict).to_contain_text("Counted so far: 1 in, 1 out")
        await self._visit.shoot("3-returned")

    def _you(self) -> dict:
        status, text = http_get(f"{self._admin}/api/apps/you")
        if status != 200:
            raise StepFailed(f"/api/apps/you answered {status}: {text}")
        return json.loads(text)

    async def _stop(self) -> None:
        self._visit.hush()
        code = await asyncio.to_thread(self._demo.stop, 40)
        self.outcome.check("the demo ends by itself on SIGTERM with 0", code == 0, f"exit {code}")
