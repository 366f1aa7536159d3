"""NiceGUI: Socket.IO events. The page answers a ping as a data message every 4 s and
says which of the app's updates have arrived."""

from playwright.async_api import Page, expect

from cases.base import APPS, Tide


class NiceGui(Tide):
    name = pack = "nicegui"
    packages = ("nicegui", "python-socketio", "python-engineio")
    ready_path = "/"
    person = "input"
    compresses = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        return [python, str(APPS / "nicegui_app.py"), str(port)]

    async def wait_ready(self, page: Page) -> None:
        await super().wait_ready(page)
        await expect(page.get_by_text("The clock ran")).not_to_have_text(
            "The clock ran 0 times", timeout=60_000
        )
