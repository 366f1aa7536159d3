"""Headless Chromium, and a visit to one page with all its complaints kept."""

from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

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

# Keeps the close codes of a page's WebSockets; the DevTools do not tell them.
NOTE_CLOSES = """window.ebbtideCloses = [];
window.WebSocket = class extends window.WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("close", (event) => window.ebbtideCloses.push(event.code));
  }
};"""

# How long one step on a page may take. Long, because the machine may be busy.
STEP_MS = 30_000
expect.set_options(timeout=STEP_MS)


@asynccontextmanager
async def chromium():
    """A running browser; closed at the end whatever happens."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=FLAGS, timeout=60_000
        )
        try:
            yield browser
        finally:
            await browser.close()


class Visit:
    """One page in a browser profile of its own: nothing cached, no cookies. `complaints`
    are what the page at `url` says that it should not, until `hush`."""

    def __init__(self, url: str, name_frame: Callable[[str, bytes], str], shots: Path) -> None:
        self.url, self._shots = url, shots
        self.account = Account(name_frame)
        self.complaints: list[str] = []
        self._listening = True

    async def open(self, browser) -> None:
        """Makes the page; loads nothing yet."""
        # As tall as a person's window, and with the browser's own name, as a person's has.
        self._context = await browser.new_context(viewport={"width": 900, "height": 800})
        self._context.set_default_timeout(STEP_MS)
        self.page: Page = await self._context.new_page()
        await self.account.attach(self.page)
        say = self._complain
        self.page.on("console", lambda m: m.type == "error" and say(m.location["url"], m.text))
        self.page.on("pageerror", lambda error: say(self.url, f"script: {error}"))
        self.page.on("crash", lambda _: say(self.url, "the page crashed"))
        self.page.on("response", lambda r: r.status >= 400 and say(r.url, str(r.status)))

    async def note_closes(self) -> None:
        """From the next load on, `ebbtideCloses` in each frame lists its close codes."""
        await self._context.add_init_script(NOTE_CLOSES)

    def _complain(self, url: str, what: str) -> None:
        # Fonts and the like from elsewhere cannot be had here.
        if self._listening and url.startswith(self.url):
            self.complaints.append(f"{url.removeprefix(self.url)}: {what}")

    def hush(self) -> None:
        """From now on complaints are to be expected."""
        self._listening = False

    async def shoot(self, name: str) -> Path:
        """Saves a picture of the page as people would see it."""
        path = self._shots / f"{name}.png"
        await self.page.screenshot(path=path, full_page=True, animations="disabled")
        return path

    async def close(self) -> None:
        self.hush()
        await self._context.close()
