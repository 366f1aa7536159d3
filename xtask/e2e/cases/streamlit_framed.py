"""Streamlit inside a page of its host, which asks it for heartbeats: the newest, which
answers them, and the last that does not."""

from pathlib import Path

from playwright.async_api import Frame, expect

import bootstrap
from cases.base import Case
from cases.streamlit import name_message, serve
from cases.streamlit_timer import higher


class StreamlitFramed(Case):
    name = "streamlit-heartbeat"
    pack = "streamlit"
    packages = ("streamlit",)
    ready_path = "/_stcore/health"
    person = "input"
    # Whether the app answers its page's heartbeats.
    answers = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        return serve(python, port, "streamlit_button_app.py")

    async def wait_ready(self, page: Frame) -> None:
        await expect(page.get_by_text("Tide stands at 20")).to_be_visible(timeout=60_000)
        await expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60_000)

    async def touch(self, page: Frame) -> None:
        await higher(page)

    def name_frame(self, direction: str, payload: bytes) -> str:
        return name_message(direction, payload) or super().name_frame(direction, payload)


class StreamlitFramedOld(StreamlitFramed):
    """The protocol knows the heartbeat from 1.29 and its answer from 1.55."""

    name = "streamlit-heartbeat-old"
    answers = False

    def command(self, python: str, port: int, public: int) -> list[str]:
        return super().command(str(bootstrap.OLD.python), port, public)

    def site_packages(self) -> Path | None:
        return bootstrap.OLD.site_packages
