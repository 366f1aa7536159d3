"""A control plane that only listens: it writes down every activity report.

Answers 204 to `PATCH /apps/{app}` and 405 to anything else. Runs in a thread of
its own, on a loopback port that the system picks.
"""

import json
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REASONS = ("input", "output", "request", "upgrade")


@dataclass(frozen=True)
class Report:
    """One report as it arrived. Times are seconds since the epoch."""

    received: float
    path: str
    raw: str
    body: dict | None

    @property
    def reason(self) -> str:
        return str((self.body or {}).get("reason"))

    @property
    def last_activity(self) -> float | None:
        """The activity's own time; None when it is missing or not RFC 3339."""
        try:
            moment = datetime.fromisoformat((self.body or {})["lastActivity"])
        except (KeyError, TypeError, ValueError):
            return None
        return moment.timestamp() if moment.tzinfo else None

    def mistakes(self, app: str) -> list[str]:
        """What in this report breaks the contract."""
        if self.body is None:
            return [f"not a JSON object: {self.raw[:80]!r}"]
        sessions = self.body.get("sessions")
        at = self.last_activity
        rules = {
            f"path is {self.path}": self.path == f"/apps/{app}",
            f"fields are {sorted(self.body)}": set(self.body)
            == {"app", "lastActivity", "reason", "sessions"},
            f"app is {self.body.get('app')!r}": self.body.get("app") == app,
            f"reason is {self.reason!r}": self.reason in REASONS,
            f"sessions is {sessions!r}": type(sessions) is int and sessions >= 0,
            f"lastActivity is {self.body.get('lastActivity')!r}": at is not None,
            "lastActivity lies in the future": at is None or at <= self.received + 1,
        }
        return [mistake for mistake, holds in rules.items() if not holds]


class ControlPlane:
    """The listening server; `reports` grows as they arrive."""

    def __init__(self) -> None:
        self._reports: list[Report] = []
        self.strangers: list[str] = []
        plane = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30  # an idle keep-alive connection ends by itself

            def do_PATCH(self) -> None:
                received = time.time()
                raw = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                try:
                    body = json.loads(raw)
                except ValueError:
                    body = None
                body = body if isinstance(body, dict) else None
                plane._reports.append(Report(received, self.path, raw, body))
                self.send_response(204)
                self.end_headers()

            def _refuse(self) -> None:
                plane.strangers.append(f"{self.command} {self.path}")
                self.close_connection = True
                self.send_response(405)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _refuse

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def reports(self) -> list[Report]:
        """A copy of what has arrived so far, in order."""
        return list(self._reports)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
