"""What every proof has: a stand, and a run that ends in an outcome whatever happens."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Error as PlaywrightError

from outcome import Outcome
from procs import StepFailed
from stand import Stand
from trial import Trial

# What a page sends in its first seconds after a click or a load belongs to that.
BURST_SECONDS = 15


class Proof(ABC):
    """Runs `trial` against `binary`; `outcome` holds what came of it. What takes the
    machine's time happens under `_busy`, so that trials do not starve each other."""

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
                    await self._begin(stack)
                await self._go_on()
        except (StepFailed, PlaywrightError, AssertionError, OSError) as error:
            self.outcome.check("the proof ran to its end", False, " ".join(str(error).split()))
        return self.outcome

    @abstractmethod
    async def _begin(self, stack: AsyncExitStack) -> None:
        """Loads the page of a stand that has started; `stack` is for what must end."""

    @abstractmethod
    async def _go_on(self) -> None:
        """All that follows. Every wait is bounded."""
