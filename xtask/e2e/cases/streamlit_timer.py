"""Streamlit with compression, and a fragment that the browser asks for every few
seconds: messages that are a person's to the byte but for one field."""

from playwright.async_api import Frame, Page, expect

from cases.base import Case
from cases.streamlit import name_message, serve


async def higher(page: Page | Frame) -> None:
    """Presses the button, and waits for what it does."""
    label = page.get_by_text("Tide stands at")
    before = await label.inner_text()
    await page.get_by_role("button", name="Raise").click()
    await expect(label).not_to_have_text(before)


class StreamlitTimer(Case):
    name = "streamlit-timer"
    pack = "streamlit"
    packages = ("streamlit",)
    ready_path = "/_stcore/health"
    person = "input"
    compresses = True
    counts = {"cut": "a page with a timer asks for a run when it reconnects, as a person does"}

    def command(self, python: str, port: int, public: int) -> list[str]:
        options = {"server.enableWebsocketCompression": "true"}
        return serve(python, port, "streamlit_timer_app.py", **options)

    async def wait_ready(self, page: Page) -> None:
        await expect(page.get_by_text("Tide stands at")).to_be_visible(timeout=60_000)
        await expect(page.get_by_text("The clock ran")).to_be_visible(timeout=60_000)

    async def touch(self, page: Page) -> None:
        await higher(page)

    def name_frame(self, direction: str, payload: bytes) -> str:
        return name_message(direction, payload) or super().name_frame(direction, payload)
