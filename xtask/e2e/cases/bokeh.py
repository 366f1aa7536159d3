"""Bokeh server: every click is a message of three frames; a periodic callback streams
to the page for ever."""

from playwright.async_api import Page, expect

from cases.base import APPS, Case, shown


class Bokeh(Case):
    name = pack = "bokeh"
    packages = ("bokeh", "tornado")
    ready_path = path = "/bokeh_app"
    person = "input"
    # What the app is told: whether its plot's ranges are fixed or follow the line.
    ranges = "fixed"

    def command(self, python: str, port: int, public: int) -> list[str]:
        options = ["--address", "127.0.0.1", "--port", str(port)]
        options += ["--allow-websocket-origin", f"127.0.0.1:{public}", "--args", self.ranges]
        return [python, "-m", "bokeh", "serve", str(APPS / "bokeh_app.py"), *options]

    async def wait_ready(self, page: Page) -> None:
        await expect(page.get_by_text("Tide stands at 20")).to_be_visible(timeout=60_000)

    async def touch(self, page: Page) -> None:
        label = page.get_by_text("Tide stands at")
        before = await label.inner_text()
        await page.get_by_role("button", name="Raise").click()
        await expect(label).not_to_have_text(before)

    def name_frame(self, direction: str, payload: bytes) -> str:
        return shown(payload)


class BokehFollowing(Bokeh):
    name = "bokeh-following"
    ranges = "following"
    counts = {"idle": "a range that follows a stream is told to the app as a person's zoom is"}
