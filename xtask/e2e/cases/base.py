"""What every framework's case must say."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

APPS = Path(__file__).resolve().parents[1] / "apps"

# check(name, holds, detail): writes down one thing that must be so.
Check = Callable[[str, bool, str], None]
# shoot(name): saves a picture of the page.
Shoot = Callable[[str], object]


class Case(ABC):
    """One framework. Methods that wait must be bounded in time; playwright's own
    waits are (30 s)."""

    name: str
    # PyPI packages whose versions belong in the result.
    packages: tuple[str, ...]
    # Path that answers 200 once the server is up.
    ready_path: str
    # Whether a page left alone sends no data frame and no request at all.
    idle_is_silent: bool
    # The server pings the browser this often; None when it never does.
    server_ping_seconds: float | None

    @abstractmethod
    def command(self, python: str, port: int) -> list[str]:
        """The command that serves the app on 127.0.0.1:`port`."""

    @abstractmethod
    def wait_ready(self, page: Page) -> None:
        """Returns when the page has loaded as far as it will by itself."""

    @abstractmethod
    def exercise(self, page: Page, check: Check, shoot: Shoot) -> None:
        """Does what a person would do, and checks that the page answers."""

    @abstractmethod
    def touch(self, page: Page) -> None:
        """One small thing that a person does; returns when the page has answered."""

    def name_frame(self, direction: str, payload: bytes) -> str:
        """The framework's own name for a message (`direction`: sent, received)."""
        return payload[:16].hex(" ")
