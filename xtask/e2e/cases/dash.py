"""Dash: a click is a POST, and so is each tick of the page's own `dcc.Interval`."""

from playwright.async_api import Page, expect

from cases.base import APPS, Case


class Dash(Case):
    name = pack = "dash"
    packages = ("dash",)
    ready_path = "/"
    person = "request"
    reconnects = False

    def command(self, python: str, port: int, public: int) -> list[str]:
        return [python, str(APPS / "dash_app.py"), str(port)]

    async def wait_ready(self, page: Page) -> None:
        await expect(page.get_by_text("Tide stands at 20")).to_be_visible(timeout=60_000)

    async def touch(self, page: Page) -> None:
        label = page.locator("#label")
        before = await label.inner_text()
        await page.get_by_role("button", name="Raise").click()
        await expect(label).not_to_have_text(before)
