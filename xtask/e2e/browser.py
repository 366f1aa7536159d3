"""Headless Chromium, and a visit to one page with all its complaints kept."""

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from account import Account
from bootstrap import CHROMIUM

# Nothing but the page may talk, and nothing may leave this machine.
# (Playwright itself adds --headless, --no-sandbox and a fresh profile.)
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

# How long one step on a page may take. Long, because the machine may be busy.
STEP_MS = 30_000
expect.set_options(timeout=STEP_MS)


@contextmanager
def chromium():
    """A running browser; closed at the end whatever happens."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=FLAGS, timeout=60_000
        )
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One page in a browser profile of its own: nothing cached, no cookies."""

    def __init__(self, browser, name_frame: Callable[[str, bytes], str], shots: Path) -> None:
        self._context = browser.new_context(viewport={"width": 900, "height": 1000})
        self._context.set_default_timeout(STEP_MS)
        self.page: Page = self._context.new_page()
        self.account = Account(self.page, name_frame)
        self.complaints: list[str] = []
        self._shots = shots
        say = self._complain
        self.page.on("console", lambda m: m.type == "error" and say(f"console: {m.text}"))
        self.page.on("pageerror", lambda error: say(f"script: {error}"))
        self.page.on("crash", lambda _: say("the page crashed"))
        self.page.on("requestfailed", lambda r: say(f"failed: {r.method} {r.url}: {r.failure}"))
        self.page.on("response", lambda r: r.status >= 400 and say(f"{r.status}: {r.url}"))

    def _complain(self, what: str) -> None:
        self.complaints.append(what)

    def shoot(self, name: str) -> Path:
        """Saves a picture of the page as people would see it."""
        path = self._shots / f"{name}.png"
        self.page.screenshot(path=path, full_page=True, animations="disabled")
        return path

    def close(self) -> None:
        """Ends the visit; what leaving cuts short is no complaint."""
        self._complain = lambda _: None
        self._context.close()
