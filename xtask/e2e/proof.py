"""One case from start to end: the page works, the forgotten tab is not activity,
and the person who comes back is.

Every wait is bounded; every process is stopped on the way out.
"""

import os
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError

from browser import Visit, chromium
from cases import Case
from control_plane import ControlPlane
from ebbtide import REPORT_SECONDS, Ebbtide
from outcome import Outcome
from procs import Child, StepFailed, free_port

# What a page sends in its first seconds belongs to loading it.
BURST_SECONDS = 15
PROGRESS_SECONDS = 15


class Proof:
    """Runs `case` against `binary`; `outcome` holds what came of it."""

    def __init__(self, case: Case, binary: Path, idle_seconds: float, out: Path) -> None:
        self._case, self._binary, self._idle = case, binary, idle_seconds
        self._folder = out / case.name
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self.outcome = Outcome(case, idle_seconds, BURST_SECONDS)

    def run(self) -> Outcome:
        """Never raises for what the proof is about: that is a failed check."""
        try:
            with ExitStack() as stack:
                self._start(stack)
                self._work()
                self._leave_alone()
                self._come_back()
                self.outcome.phase("shutdown")
        except (StepFailed, PlaywrightError, AssertionError, OSError) as error:
            self.outcome.check("the proof ran to its end", False, " ".join(str(error).split()))
        return self.outcome

    def _start(self, stack: ExitStack) -> None:
        outcome, port = self.outcome, free_port()
        outcome.say(f"starting {self._case.name}, control plane and Ebbtide")
        environment = {**os.environ, "HOME": str(self._folder), "PYTHONUNBUFFERED": "1"}
        app = Child(
            self._case.name,
            self._case.command(sys.executable, port),
            self._folder / "server.log",
            cwd=self._folder,
            env=environment,
        )
        stack.callback(app.stop)
        app.wait_http(f"http://127.0.0.1:{port}{self._case.ready_path}", 90)
        self._control = ControlPlane()
        stack.callback(self._control.stop)
        self._ebbtide = Ebbtide(self._binary, port, self._control.port, self._folder)
        stack.callback(self._stop_ebbtide)
        browser = stack.enter_context(chromium())
        outcome.versions["chromium"] = browser.version
        outcome.say(f"app on port {port}, Ebbtide at {self._ebbtide.url}")
        self._browser = browser

    def _stop_ebbtide(self) -> None:
        outcome = self.outcome
        code = self._ebbtide.child.stop(40)
        outcome.check("Ebbtide ends by itself on SIGTERM with 0", code == 0, f"exit {code}")
        outcome.log_complaints = self._ebbtide.complaints()
        time.sleep(0.5)  # a report sent while leaving may still be on its way in
        outcome.reports, outcome.strangers = self._control.reports, self._control.strangers

    def _visit(self) -> Visit:
        visit = Visit(self._browser, self._case.name_frame, self._folder)
        self.outcome.visits.append(visit)
        visit.page.goto(self._ebbtide.url, timeout=60_000)
        self._case.wait_ready(visit.page)
        return visit

    def _work(self) -> None:
        outcome = self.outcome
        outcome.reading("start", self._ebbtide.metrics())
        outcome.phase("work")
        outcome.say("opening the page; somebody works with it")
        visit = self._visit()
        visit.shoot("1-loaded")
        try:
            self._case.exercise(visit.page, outcome.check, visit.shoot)
        except (PlaywrightError, AssertionError):
            visit.shoot("failed")
            raise
        visit.page.wait_for_timeout(1500)
        visit.close()

    def _leave_alone(self) -> None:
        outcome = self.outcome
        outcome.phase("load")
        outcome.say(f"a fresh page, then nobody for {self._idle:.0f} s")
        self._tab = self._visit()
        self._tab.shoot("6-fresh")
        loaded = time.time()
        self._watch(loaded, loaded + BURST_SECONDS)
        outcome.phase("idle")
        outcome.reading("idle begins", self._ebbtide.metrics())
        self._watch(loaded, loaded + self._idle)
        outcome.reading("idle ends", self._ebbtide.metrics())

    def _watch(self, loaded: float, until: float) -> None:
        """Lets time pass without touching the page; says what it sees."""
        said = time.time()
        while (now := time.time()) < until:
            self._tab.page.wait_for_timeout(min(0.5, until - now) * 1000)
            self._ebbtide.child.ensure_alive()
            if now - said >= PROGRESS_SECONDS:
                said = now
                events = [e for e in self._tab.account.events if e.is_traffic]
                quiet = f"{now - max(e.t for e in events):.0f} s" if events else "ever"
                self.outcome.say(
                    f"left alone for {now - loaded:.0f} of {self._idle:.0f} s; nothing from "
                    f"or to the browser for {quiet}; {len(self._control.reports)} reports in all"
                )

    def _come_back(self) -> None:
        outcome, page = self.outcome, self._tab.page
        outcome.phase("return")
        outcome.say("somebody comes back")
        reports, touched = len(self._control.reports), time.time()
        self._case.touch(page)
        while len(self._control.reports) == reports and time.time() < touched + REPORT_SECONDS + 5:
            page.wait_for_timeout(200)
        page.wait_for_timeout(1000)
        new = [report.reason for report in self._control.reports[reports:]]
        outcome.check(
            "the person who comes back is reported",
            any(reason in ("input", "output", "request") for reason in new),
            f"{', '.join(new) or 'nothing'} within {time.time() - touched:.1f} s",
        )
        self._tab.shoot("7-returned")
        outcome.reading("end", self._ebbtide.metrics())
        self._tab.close()
