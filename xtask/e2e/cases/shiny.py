"""Shiny for Python: inputs are JSON messages; the app pushes a clock for ever. A page
that has lost its connection turns grey and waits for a reload."""

from playwright.async_api import Page, expect

from cases.base import APPS, Case, shown


class Shiny(Case):
    name = pack = "shiny"
    packages = ("shiny",)
    ready_path = "/"
    person = "input"
    reconnects = survives_cut = False
    compresses = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        app = str(APPS / "shiny_app.py")
        return [python, "-m", "shiny", "run", "--host", "127.0.0.1", "--port", str(port), app]

    async def wait_ready(self, page: Page) -> None:
        await expect(page.locator("#label")).to_have_text("Tide stands at 20", timeout=60_000)

    async def touch(self, page: Page) -> None:
        label = page.locator("#label")
        before = await label.inner_text()
        await page.get_by_role("button", name="Raise").click()
        await expect(label).not_to_have_text(before)

    def name_frame(self, direction: str, payload: bytes) -> str:
        return shown(payload)
