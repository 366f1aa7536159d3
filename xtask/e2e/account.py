"""The browser's own account of its traffic, independent of the proxy.

Listens to Chromium's DevTools events for one page: every HTTP request and its
end, every WebSocket opened and closed, every data frame with direction, opcode
and length. Times are the browser's own, turned into seconds since the epoch.
Chromium shows no control frames here: ping and pong are the proxy's to count.
"""

import base64
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

# What a proxy could call activity; `answered` and `closed` only end something.
TRAFFIC = ("request", "upgrade", "sent", "received", "streamed")


@dataclass(frozen=True)
class Event:
    """One thing that the browser did or got: `kind` is one of `TRAFFIC`,
    `answered` or `closed`; `what` says it in words."""

    t: float
    kind: str
    what: str

    @property
    def is_traffic(self) -> bool:
        return self.kind in TRAFFIC


def tally(events: list[Event]) -> dict[str, int]:
    """Traffic by kind; frames also by opcode."""
    counts: Counter[str] = Counter()
    for event in events:
        if event.is_traffic:
            frame = event.kind in ("sent", "received")
            counts[f"{event.kind} {event.what.split()[0]}" if frame else event.kind] += 1
    return dict(sorted(counts.items()))


class Account:
    """Grows `events` from `attach` on, which comes before the page loads.

    `name_frame(direction, payload)` gives a framework's own name for a message.
    """

    def __init__(self, name_frame: Callable[[str, bytes], str]) -> None:
        self.events: list[Event] = []
        # What the app agreed to on its WebSockets: extensions, one for each handshake.
        self.extensions: list[str] = []
        self._name_frame = name_frame
        self._to_wall: float | None = None
        self._urls: dict[str, str] = {}
        self._streams: set[str] = set()

    async def attach(self, page) -> None:
        session = await page.context.new_cdp_session(page)
        for name, handler in {
            "requestWillBeSent": self._request,
            "responseReceived": self._begins,
            "dataReceived": self._streamed,
            "loadingFinished": self._answered,
            "loadingFailed": self._answered,
            "webSocketCreated": lambda e: self._urls.update({e["requestId"]: e["url"]}),
            "webSocketWillSendHandshakeRequest": self._upgrade,
            "webSocketHandshakeResponseReceived": self._agreed,
            "webSocketFrameSent": lambda e: self._frame("sent", e),
            "webSocketFrameReceived": lambda e: self._frame("received", e),
            "webSocketClosed": self._closed,
        }.items():
            session.on(f"Network.{name}", handler)
        await session.send("Network.enable")

    def between(self, start: float, end: float) -> list[Event]:
        """The events in `[start, end)`, in order of time."""
        return sorted((event for event in self.events if start <= event.t < end), key=lambda e: e.t)

    def count(self, kind: str) -> int:
        return sum(event.kind == kind for event in self.events)

    def _add(self, event: dict, kind: str, what: str) -> None:
        # DevTools stamps most events with a monotonic time only; those that carry
        # a wall time as well tell how far the two are apart.
        if "wallTime" in event:
            self._to_wall = event["wallTime"] - event["timestamp"]
        wall = time.time() if self._to_wall is None else event["timestamp"] + self._to_wall
        self.events.append(Event(wall, kind, what))

    def _path(self, request_id: str) -> str:
        parts = urlsplit(self._urls.get(request_id, "?"))
        return parts.path + ("?…" if parts.query else "")

    def _request(self, event: dict) -> None:
        if event["request"]["url"].startswith(("data:", "blob:")):
            return  # never leaves the browser
        self._urls[event["requestId"]] = event["request"]["url"]
        what = f"{event['request']['method']} {self._path(event['requestId'])}"
        self._add(event, "request", what)

    def _answered(self, event: dict) -> None:
        if event["requestId"] in self._urls:
            self._add(event, "answered", self._path(event["requestId"]))

    def _begins(self, event: dict) -> None:
        if event["response"]["mimeType"] == "text/event-stream":
            self._streams.add(event["requestId"])

    def _streamed(self, event: dict) -> None:
        if event["requestId"] in self._streams:
            self._add(event, "streamed", self._path(event["requestId"]))

    def _agreed(self, event: dict) -> None:
        headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        self.extensions.append(headers.get("sec-websocket-extensions", ""))

    def _upgrade(self, event: dict) -> None:
        self._add(event, "upgrade", f"WebSocket {self._path(event['requestId'])}")

    def _closed(self, event: dict) -> None:
        self._add(event, "closed", f"WebSocket {self._path(event['requestId'])}")

    def _frame(self, kind: str, event: dict) -> None:
        message = event["response"]
        opcode, data = int(message["opcode"]), message["payloadData"]
        payload = data.encode() if opcode == 1 else base64.b64decode(data)
        name = self._name_frame(kind, payload)
        self._add(event, kind, f"op{opcode} {len(payload)} B {name}".rstrip())
