"""Streamlit: a slider, an upload and a streaming chart, all over one WebSocket
but for the upload, which is HTTP."""

import hashlib
import random
import re

from google.protobuf.message import DecodeError
from playwright.async_api import Frame, Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from cases.base import APPS, Case, Check, Shoot, Tide

UPLOAD_NAME = "tide table.bin"
UPLOAD_BYTES = 2 * 1024 * 1024 + 17
# The app sends 30 points; a slow machine may draw several at once.
CHART_CHANGES = 10

# Counts how often the line that the chart draws becomes another line.
WATCH_CHART = """() => {
  const seen = { changes: 0, last: null };
  window.ebbtideChart = seen;
  setInterval(() => {
    const line = document.querySelector('[data-testid=stVegaLiteChart] .mark-line path');
    const drawn = line && line.getAttribute('d');
    if (drawn && drawn !== seen.last) { seen.changes += 1; seen.last = drawn; }
  }, 40);
}"""


def serve(python: str, port: int, app: str, **more: str) -> list[str]:
    """The command for one of the apps under `apps/`."""
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "browser.gatherUsageStats": "false",
        **more,
    }
    flags = [part for key, value in options.items() for part in (f"--{key}", value)]
    return [python, "-m", "streamlit", "run", str(APPS / app), *flags]


def name_message(direction: str, payload: bytes) -> str | None:
    """The protobuf's own name for a message; None when it is none."""
    message = BackMsg() if direction == "sent" else ForwardMsg()
    try:
        message.ParseFromString(payload)
    except DecodeError:
        return None
    name = message.WhichOneof("type") or "unknown"
    if name == "rerun_script" and message.rerun_script.is_auto_rerun:
        return "rerun_script by the page's timer"
    return name


class StreamlitCase(Case):
    """What all of its apps have in common."""

    pack = "streamlit"
    packages = ("streamlit",)
    ready_path = "/_stcore/health"
    person = "input"

    def name_frame(self, direction: str, payload: bytes) -> str:
        return name_message(direction, payload) or super().name_frame(direction, payload)


class StreamlitTide(StreamlitCase, Tide):
    """One with the button. Its label may be left over from the page's last session."""

    async def wait_ready(self, page: Page | Frame) -> None:
        await expect(self.label(page)).to_be_visible(timeout=60_000)


class Streamlit(StreamlitCase):
    name = "streamlit"
    packages = ("streamlit", "uvicorn", "websockets")
    idle_is_silent = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        return serve(python, port, "streamlit_app.py")

    async def wait_ready(self, page: Page) -> None:
        await expect(page.get_by_text("Tide stands at 20")).to_be_visible(timeout=60_000)
        await expect(page.get_by_role("button", name="Stream")).to_be_enabled(timeout=60_000)
        # The script has ended when the running man in the corner is gone.
        await expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60_000)

    async def exercise(self, page: Page, check: Check, shoot: Shoot) -> None:
        await self._slide(page, check)
        await shoot("2-slider")
        await self._upload(page, check)
        await shoot("3-upload")
        await self._stream(page, check, shoot)
        await shoot("5-chart-complete")

    async def _slide(self, page: Page, check: Check) -> None:
        thumb = page.get_by_role("slider", name="Tide")
        track = await page.get_by_role("group", name="Tide").bounding_box()
        start = await thumb.bounding_box()
        assert track and start
        height = start["y"] + start["height"] / 2
        await page.mouse.move(start["x"] + start["width"] / 2, height)
        await page.mouse.down()
        await page.mouse.move(track["x"] + track["width"] * 0.7, height, steps=12)
        await page.mouse.up()
        shown = page.get_by_text(re.compile(r"^Tide stands at (?!20$)\d+$"))
        await expect(shown).to_be_visible()
        value = await thumb.input_value()
        await expect(shown).to_have_text(f"Tide stands at {value}")
        check("the slider moves", 60 <= int(value) <= 80, f"dragged from 20 to {value}")

    async def _upload(self, page: Page, check: Check) -> None:
        data = random.Random(1).randbytes(UPLOAD_BYTES)
        await page.locator("input[type=file]").set_input_files(
            {"name": UPLOAD_NAME, "mimeType": "application/octet-stream", "buffer": data}
        )
        digest = hashlib.sha256(data).hexdigest()[:16]
        told = f"Received {UPLOAD_NAME}: {len(data)} bytes, sha256 {digest}"
        shown = page.get_by_text(re.compile(r"^Received "))
        await expect(shown).to_be_visible()
        text = await shown.inner_text()
        check("the upload arrives", text == told, text)

    async def _stream(self, page: Page, check: Check, shoot: Shoot) -> None:
        await page.evaluate(WATCH_CHART)
        await page.get_by_role("button", name="Stream").click()
        halfway = re.compile(r"^Streaming, point (1[5-9]|2\d) of 30$")
        await expect(page.get_by_text(halfway)).to_be_visible()
        await shoot("4-chart-halfway")
        await expect(page.get_by_text("Stream complete: 30 points")).to_be_visible(timeout=60_000)
        await page.wait_for_timeout(1000)
        changes = await page.evaluate("window.ebbtideChart.changes")
        check("the chart streams", changes >= CHART_CHANGES, f"drawn anew {changes} times")

    async def touch(self, page: Page) -> None:
        thumb = page.get_by_role("slider", name="Tide")
        before = int(await thumb.input_value())
        await thumb.press("ArrowRight")
        await expect(page.get_by_text(f"Tide stands at {before + 1}", exact=True)).to_be_visible()
