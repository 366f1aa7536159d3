"""Starts the Ebbtide binary and reads its metrics."""

import json
import os
import re
from pathlib import Path

from procs import Child, StepFailed, http_get

APP = "demo"
REPORT_SECONDS = 5
# The metrics that the proof looks at or writes down.
FAMILIES = (
    "ebbtide_activity_total",
    "ebbtide_app_awake_seconds_total",
    "ebbtide_build_info",
    "ebbtide_frames_total",
    "ebbtide_ignored_total",
    "ebbtide_pings_total",
    "ebbtide_reaped_total",
    "ebbtide_reports_total",
    "ebbtide_socket_source",
    "ebbtide_suspends_total",
    "ebbtide_wakes_total",
)

CONFIG = """\
listen = ["127.0.0.1:0"]
admin = "127.0.0.1:0"

[sockets]
source = "{sockets}"

[report]
url = "http://127.0.0.1:{control_port}/apps/{{app}}"
interval = "{interval}s"

[[app]]
name = "{app}"
upstream = "http://127.0.0.1:{app_port}"
packs = {packs}
compression = "{compression}"
"""

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})?\s+(\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

# One reading: (family, sorted labels) -> value.
Reading = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parse_metrics(text: str) -> Reading:
    """The samples of `FAMILIES` in a Prometheus text exposition."""
    reading: Reading = {}
    for line in text.splitlines():
        if (sample := _SAMPLE.match(line)) and sample[1] in FAMILIES:
            labels = tuple(sorted(_LABEL.findall(sample[2] or "")))
            reading[(sample[1], labels)] = float(sample[3])
    return reading


def total(reading: Reading, family: str, **labels: str) -> int:
    """Sum of a family's samples that carry all these labels."""
    return int(
        sum(
            value
            for (name, found), value in reading.items()
            if name == family and labels.items() <= dict(found).items()
        )
    )


def grown(before: Reading, after: Reading) -> Reading:
    """What was added between two readings; a series absent before was 0."""
    return {key: value - before.get(key, 0.0) for key, value in after.items()}


def plain(reading: Reading) -> dict[str, float]:
    """A reading as `family{labels}` -> value, for people and JSON."""
    return {
        f"{family}{{{','.join(f'{key}={value}' for key, value in labels)}}}": number
        for (family, labels), number in sorted(reading.items())
    }


class Ebbtide:
    """A running proxy: `port` is for browsers, `admin` the admin URL."""

    def __init__(self, binary: Path, arguments: list[str], folder: Path, **marks: str) -> None:
        """Starts `ebbtide run` with these arguments in `folder`; `marks` go into its
        environment."""
        command = [str(binary), "run", "--log-format", "json", *arguments]
        # The arguments alone decide: EBBTIDE_LISTEN and its like would overrule a file.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("EBBTIDE_")}
        log = folder / "ebbtide.log"
        self.child = Child("ebbtide", command, log, cwd=folder, env={**environment, **marks})

    @classmethod
    def before_app(
        cls, binary: Path, app_port: int, control_port: int, folder: Path, **choices: str
    ) -> "Ebbtide":
        """In front of one app that runs. `choices`: `sockets`, `packs` (a TOML list) and
        `compression`, as in the configuration."""
        config = folder / "ebbtide.toml"
        ports = {"app_port": app_port, "control_port": control_port}
        config.write_text(CONFIG.format(app=APP, interval=REPORT_SECONDS, **ports, **choices))
        return cls(binary, ["--config", str(config)], folder)

    async def start(self) -> None:
        """Returns when it listens; from then on `port` and `admin` are known."""
        listening = await self._address("proxy listening")
        self.port = int(listening.rpartition(":")[2])
        self.admin = f"http://{await self._address('admin listening')}"

    def log_lines(self) -> list[dict]:
        """The JSON lines of its log."""
        lines = []
        for line in self.child.text().splitlines():
            try:
                parsed = json.loads(line)
            except ValueError:
                continue
            if isinstance(parsed, dict):
                lines.append(parsed)
        return lines

    def complaints(self) -> list[str]:
        """Warnings, errors and panics in its log."""
        levels = {"WARN", "ERROR"}
        found = [json.dumps(line) for line in self.log_lines() if line.get("level") in levels]
        return found + [line for line in self.child.text().splitlines() if "panicked at" in line]

    async def _address(self, message: str) -> str:
        def said() -> str | None:
            for line in self.log_lines():
                fields = line.get("fields", {})
                if fields.get("message") == message and fields.get("address"):
                    return fields["address"]
            return None

        return await self.child.wait_until(f'log line "{message}"', said, 30)

    def metrics(self) -> Reading:
        """The counters as they stand now."""
        return parse_metrics(self._ask("/metrics"))

    def explained(self, app: str = APP) -> dict:
        """What the API says about an app: what counted last, and what each rule ignored."""
        return json.loads(self._ask(f"/api/apps/{app}"))

    def apps(self) -> list[dict]:
        """What the API says of all apps."""
        return json.loads(self._ask("/api/apps"))

    def _ask(self, path: str) -> str:
        self.child.ensure_alive()
        status, text = http_get(f"{self.admin}{path}")
        if status != 200:
            raise StepFailed(f"{self.admin}{path} answered {status}")
        return text
