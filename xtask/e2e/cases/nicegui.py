"""NiceGUI: Socket.IO events. The page answers a ping as a data message every 4 s and
says which of the app's updates have arrived."""

from playwright.async_api import Page, expect

from cases.base import APPS, Case, shown


class NiceGui(Case):
    name = pack = "nicegui"
    packages = ("nicegui", "python-socketio", "python-engineio")
    ready_path = "/"
    person = "input"
    compresses = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        return [python, str(APPS / "nicegui_app.py"), str(port)]

    async def wait_ready(self, page: Page) -> None:
        await expect(page.get_by_text("Tide stands at 20")).to_be_visible(timeout=60_000)
        await expect(page.get_by_text("The clock ran")).not_to_have_text(
            "The clock ran 0 times", timeout=60_000
        )

    async def touch(self, page: Page) -> None:
        label = page.get_by_text("Tide stands at")
        before = await label.inner_text()
        await page.get_by_role("button", name="Raise").click()
        await expect(label).not_to_have_text(before)

    def name_frame(self, direction: str, payload: bytes) -> str:
        return shown(payload)
