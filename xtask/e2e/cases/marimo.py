"""marimo as a published app: a click is a POST; on the WebSocket only the app speaks."""

from playwright.async_api import Page, expect

from cases.base import APPS, Case, shown


class Marimo(Case):
    name = pack = "marimo"
    packages = ("marimo",)
    ready_path = "/health"
    person = "request"
    compresses = True
    idle_is_silent = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        options = ["--headless", "--no-token"]
        options += ["--host", "127.0.0.1", "--port", str(port)]
        return [python, "-m", "marimo", "run", str(APPS / "marimo_app.py"), *options]

    async def wait_ready(self, page: Page) -> None:
        await expect(page.get_by_text("Tide stands at 20")).to_be_visible(timeout=60_000)

    async def touch(self, page: Page) -> None:
        label = page.get_by_text("Tide stands at")
        before = await label.inner_text()
        await page.get_by_role("button", name="Raise").click()
        await expect(label).not_to_have_text(before)

    def name_frame(self, direction: str, payload: bytes) -> str:
        return shown(payload)
