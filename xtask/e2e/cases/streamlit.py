"""Streamlit: a slider, an upload and a streaming chart, all over one WebSocket
but for the upload, which is HTTP."""

import hashlib
import random
import re

from google.protobuf.message import DecodeError
from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from cases.base import APPS, Case, Check, Shoot

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


class Streamlit(Case):
    name = "streamlit"
    packages = ("streamlit", "uvicorn", "websockets")
    ready_path = "/_stcore/health"
    idle_is_silent = True
    server_ping_seconds = 30.0

    def command(self, python: str, port: int) -> list[str]:
        options = {
            "server.address": "127.0.0.1",
            "server.port": str(port),
            "server.headless": "true",
            "server.fileWatcherType": "none",
            "server.runOnSave": "false",
            "browser.gatherUsageStats": "false",
        }
        flags = [part for key, value in options.items() for part in (f"--{key}", value)]
        return [python, "-m", "streamlit", "run", str(APPS / "streamlit_app.py"), *flags]

    def wait_ready(self, page: Page) -> None:
        expect(page.get_by_text("Tide stands at 20")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("button", name="Stream")).to_be_enabled(timeout=60_000)
        # The script has ended when the running man in the corner is gone.
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60_000)

    def exercise(self, page: Page, check: Check, shoot: Shoot) -> None:
        self._slide(page, check)
        shoot("2-slider")
        self._upload(page, check)
        shoot("3-upload")
        self._stream(page, check, shoot)
        shoot("5-chart-complete")

    def _slide(self, page: Page, check: Check) -> None:
        thumb = page.get_by_role("slider", name="Tide")
        track = page.get_by_role("group", name="Tide").bounding_box()
        start = thumb.bounding_box()
        assert track and start
        height = start["y"] + start["height"] / 2
        page.mouse.move(start["x"] + start["width"] / 2, height)
        page.mouse.down()
        page.mouse.move(track["x"] + track["width"] * 0.7, height, steps=12)
        page.mouse.up()
        shown = page.get_by_text(re.compile(r"^Tide stands at (?!20$)\d+$"))
        expect(shown).to_be_visible()
        expect(shown).to_have_text(f"Tide stands at {thumb.input_value()}")
        value = thumb.input_value()
        check("the slider moves", 60 <= int(value) <= 80, f"dragged from 20 to {value}")

    def _upload(self, page: Page, check: Check) -> None:
        data = random.Random(1).randbytes(UPLOAD_BYTES)
        page.locator("input[type=file]").set_input_files(
            {"name": UPLOAD_NAME, "mimeType": "application/octet-stream", "buffer": data}
        )
        digest = hashlib.sha256(data).hexdigest()[:16]
        told = f"Received {UPLOAD_NAME}: {len(data)} bytes, sha256 {digest}"
        shown = page.get_by_text(re.compile(r"^Received "))
        expect(shown).to_be_visible()
        text = shown.inner_text()
        check("the upload arrives", text == told, text)

    def _stream(self, page: Page, check: Check, shoot: Shoot) -> None:
        page.evaluate(WATCH_CHART)
        page.get_by_role("button", name="Stream").click()
        halfway = re.compile(r"^Streaming, point (1[5-9]|2\d) of 30$")
        expect(page.get_by_text(halfway)).to_be_visible()
        shoot("4-chart-halfway")
        expect(page.get_by_text("Stream complete: 30 points")).to_be_visible(timeout=60_000)
        page.wait_for_timeout(1000)
        changes = page.evaluate("window.ebbtideChart.changes")
        check("the chart streams", changes >= CHART_CHANGES, f"drawn anew {changes} times")

    def touch(self, page: Page) -> None:
        thumb = page.get_by_role("slider", name="Tide")
        before = int(thumb.input_value())
        thumb.press("ArrowRight")
        expect(page.get_by_text(f"Tide stands at {before + 1}", exact=True)).to_be_visible()

    def name_frame(self, direction: str, payload: bytes) -> str:
        message = BackMsg() if direction == "sent" else ForwardMsg()
        try:
            message.ParseFromString(payload)
        except DecodeError:
            return super().name_frame(direction, payload)
        name = message.WhichOneof("type") or "unknown"
        if name == "rerun_script" and message.rerun_script.is_auto_rerun:
            return "rerun_script by the page's timer"
        return name
