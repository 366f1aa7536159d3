"""Streamlit inside a page of its host, which asks it for heartbeats: the newest, which
answers them, and the last that does not."""

from pathlib import Path

from playwright.async_api import Frame, expect

import bootstrap
from cases.streamlit import StreamlitTide, serve


class StreamlitFramed(StreamlitTide):
    name = "streamlit-heartbeat"
    # Whether the app answers its page's heartbeats.
    answers = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        return serve(python, port, "streamlit_button_app.py")

    async def wait_ready(self, page: Frame) -> None:
        await super().wait_ready(page)
        await expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60_000)


class StreamlitFramedOld(StreamlitFramed):
    """The protocol knows the heartbeat from 1.29 and its answer from 1.55."""

    name = "streamlit-heartbeat-old"
    answers = False

    def command(self, python: str, port: int, public: int) -> list[str]:
        return super().command(str(bootstrap.OLD.python), port, public)

    def site_packages(self) -> Path | None:
        return bootstrap.OLD.site_packages
