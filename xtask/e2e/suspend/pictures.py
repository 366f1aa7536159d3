"""The waiting page as people see it: starting, failed, on a wide screen and a phone, light and
dark, without scripts. The pictures are for somebody to look at; what can be judged is.
"""

import shutil
import time
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, expect

from checks import Checks
from procs import StepFailed
from suspend.hosted import Hosted

_LONG = "a-name-as-long-as-catalogues-have-them-0123456789abcdef"
_LAST_WORDS = "ModuleNotFoundError: No module named 'tides'"
_FRAMES = 'seq 1 15 | sed "s/.*/  File \\"app.py\\", line & in raise_tide_to_the_level_of_the_last_spring/" >&2'
_FAILS = f'{_FRAMES}; echo "{_LAST_WORDS}" >&2; exit 1'
# Apps by their names: a shell script, and whether visitors see what it printed.
APPS = {
    "tides": ("exec sleep 600", False),
    _LONG: ("exec sleep 600", False),
    "broken": (_FAILS, False),
    "broken-told": (_FAILS, True),
    "slow": ("sleep 4; exec python3 -m http.server --bind 127.0.0.1 {port}", False),
    "slow-plain": ("sleep 4; exec python3 -m http.server --bind 127.0.0.1 {port}", False),
}
_SIZES = {"wide": {"width": 900, "height": 700}, "phone": {"width": 390, "height": 844}}
_TITLES = {"starting": "Starting…", "failed": "Could not start"}


def configuration() -> str:
    """Of one Ebbtide before all of them, each below a path of its name."""
    parts = ['listen = ["127.0.0.1:0"]\nadmin = "127.0.0.1:0"\n[sockets]\nsource = "tcp-info"\n']
    for name, (script, shown) in APPS.items():
        app = f'[[app]]\nname = "{name}"\npath = "/{name}"\nshow_output = {str(shown).lower()}\n'
        driver = f"[app.driver]\nkind = \"process\"\ncommand = ['sh', '-c', '''{script}''']\n"
        parts.append(app + driver)
    return "\n".join(parts)


class PicturesProof(Checks):
    """Opens the page of each app."""

    name = "waiting-page"

    def __init__(self, binary: Path, _quiet_for: float, out: Path) -> None:
        super().__init__(self.name)
        self._binary = binary
        self.folder = out / "suspend" / self.name
        self.versions: dict[str, str] = {}
        self.figures: dict[str, str] = {}
        self.visit = None

    async def run(self, browser) -> None:
        """Never raises for what the proof is about: that is a failed check."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / "ebbtide.toml").write_text(configuration())
        self.versions["chromium"] = browser.version
        app = Hosted(self._binary, ["--config", "ebbtide.toml"], self.folder, str(self.folder))
        try:
            async with AsyncExitStack() as stack:
                stack.callback(app.proxy.child.stop, 40)
                await app.start()
                await self._enter(browser, app.url, "slow", scripts=True)
                await self._enter(browser, app.url, "slow-plain", scripts=False)
                await self._shoot_all(browser, app.url)
        except (StepFailed, PlaywrightError, AssertionError, OSError) as error:
            self.check("the proof ran to its end", False, " ".join(str(error).split()))

    async def _enter(self, browser, url: str, name: str, scripts: bool) -> None:
        """The page opens the app by itself."""
        context = await browser.new_context(java_script_enabled=scripts)
        page = await context.new_page()
        began = time.time()
        # A query must survive the way through the page.
        wanted = f"{url}/{name}/?tide=high%20water"
        await page.goto(wanted)
        await expect(page).to_have_title(f"{_TITLES['starting']} – {name}")
        await expect(page.get_by_role("heading", name="Error response")).to_be_visible(
            timeout=60_000
        )
        told = f"{page.url.removeprefix(url)} after {time.time() - began:.1f} s"
        how = "with scripts" if scripts else "without scripts"
        self.check(f"the page enters what was asked for ({how})", page.url == wanted, told)
        await context.close()

    async def _shoot_all(self, browser, url: str) -> None:
        for size, viewport in _SIZES.items():
            for scheme in ("light", "dark"):
                context = await browser.new_context(viewport=viewport, color_scheme=scheme)
                for name in ("tides", _LONG, "broken", "broken-told"):
                    page = await context.new_page()
                    await page.goto(f"{url}/{name}/")
                    state = "failed" if name.startswith("broken") else "starting"
                    await self._judge(page, name, state, f"{size}-{scheme}")
                    await page.close()
                await context.close()

    async def _judge(self, page: Page, name: str, state: str, how: str) -> None:
        await expect(page).to_have_title(f"{_TITLES[state]} – {name}")
        where = f"{name[:12]}, {how}"
        await page.screenshot(path=self.folder / f"{state}-{name[:12]}-{how}.png")
        wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        self.check(f"the page fits the screen ({where})", not wide, "wider" if wide else "fits")
        status = await page.get_by_role("status").inner_text()
        self.check(f"a screen reader is told ({where})", _TITLES[state] in status, status[:60])
        if state == "failed":
            shown = _LAST_WORDS in await page.locator("body").inner_text()
            held = shown == APPS[name][1]
            self.check(f"what it printed is shown to whom it may ({where})", held, str(shown))
            again = page.get_by_role("button", name="Try again")
            self.check(f"it can be tried again ({where})", await again.is_visible(), "button")
