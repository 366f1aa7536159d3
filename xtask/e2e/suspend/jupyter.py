"""JupyterLab, whose people wait for cells and write without running them."""

import time

from cases.jupyterlab import SILENT_SECONDS, JupyterLabAtWork
from procs import StepFailed
from suspend.proof import IDLE_AFTER, SuspendProof
from suspend.samples import awake, busy

# Time between the kernel's own news and what the samples show.
_EDGE = 3.0
# Somebody writes for three times as long as an app may be idle, a key every so often.
_WRITING, _KEY = 3 * IDLE_AFTER, 2.0


class ComputingProof(SuspendProof):
    """Before the tab is left alone for long: a cell computes in silence."""

    case: JupyterLabAtWork

    async def between(self) -> None:
        self.say(f"a cell computes in silence for {SILENT_SECONDS} s, and nobody is there")
        finished = self.case.finished(self.folder)
        await self.case.compute(self.visit.page)
        began = time.time()
        while not finished.exists() and not self.app.samples[-1].down:
            if time.time() > began + 2 * SILENT_SECONDS:
                raise StepFailed("the cell did not come to its end")
            await self.app.pause(0.5)
        self.left = time.time()
        took = f"after {self.left - began:.0f} s"
        self.check("the silent cell comes to its end", finished.exists(), took)
        self.check(*awake(self.app.samples, began, self.left, "a cell computes"))
        self.check(*busy(self.app.samples, began + _EDGE, self.left - _EDGE))
        down = await self.gone(worked=True)
        self.figures["gone after the cell"] = f"{down - self.left:.1f} s"
        await self.come("back for the result", reload=True)
        await self.use("2-back")


class WritingProof(SuspendProof):
    """Before the tab is left alone for long: somebody writes and runs nothing."""

    case: JupyterLabAtWork

    async def between(self) -> None:
        self.say(f"somebody writes for {_WRITING:.0f} s and runs nothing")
        page = self.visit.page
        await self.case.edit(page, self.case.NOTE)
        await page.keyboard.press("Control+a")
        began = time.time()
        while time.time() < began + _WRITING:
            await page.keyboard.type("a")
            await self.app.pause(_KEY)
        self.left = time.time()
        self.check(*awake(self.app.samples, began, self.left, "somebody writes"))
        await self.visit.shoot("1-written")
