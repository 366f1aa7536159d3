"""Streamlit with compression, and a fragment that the browser asks for every few
seconds: messages that are a person's to the byte but for one field."""

from playwright.async_api import Page, expect

from cases.streamlit import StreamlitTide, serve


class StreamlitTimer(StreamlitTide):
    name = "streamlit-timer"
    compresses = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        options = {"server.enableWebsocketCompression": "true"}
        return serve(python, port, "streamlit_timer_app.py", **options)

    async def wait_ready(self, page: Page) -> None:
        await super().wait_ready(page)
        await expect(page.get_by_text("The clock ran")).to_be_visible(timeout=60_000)
