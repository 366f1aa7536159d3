"""What every framework's case must say."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Frame, Locator, Page, expect

APPS = Path(__file__).resolve().parents[1] / "apps"

# check(name, holds, detail): writes down one thing that must be so.
Check = Callable[[str, bool, str], None]
# shoot(name): saves a picture of the page.
Shoot = Callable[[str], Awaitable[object]]


class Case(ABC):
    """One framework. Methods that wait must be bounded in time; playwright's own
    waits are (30 s)."""

    name: str
    # The pack that `packs = ["auto"]` must recognise.
    pack: str
    # PyPI packages whose versions belong in the result.
    packages: tuple[str, ...]
    # Path that answers 200 once the server is up.
    ready_path: str
    # What a person's click is for Ebbtide: `input` (a message) or `request`.
    person: str
    # `packs` in the configuration.
    packs: tuple[str, ...] = ("auto",)
    # Whether a page left alone sends no data frame and no request at all.
    idle_is_silent = False
    # Whether a page whose connection was cut gets a new one by itself.
    reconnects = True
    # Whether a person can go on with such a page without loading it again.
    survives_cut = True
    # Whether its WebSocket messages are compressed when nobody prevents it.
    compresses = False
    # Stages in which it counts although nobody is there, and why that cannot be helped.
    counts: dict[str, str] = {}
    # What the page's console says that is no fault of the proxy (parts of the text).
    harmless: tuple[str, ...] = ("/favicon.ico: ",)

    @abstractmethod
    def command(self, python: str, port: int, public: int) -> list[str]:
        """The command that serves the app on 127.0.0.1:`port`, for browsers that see it
        at 127.0.0.1:`public`. It runs in a folder of its own."""

    def prepare(self, folder: Path) -> None:
        """Puts into that folder what the app needs."""

    def site_packages(self) -> Path | None:
        """Where its packages are; None: where this program's are."""
        return None

    # Where the page is, from the root.
    path = "/"

    @abstractmethod
    async def wait_ready(self, page: Page) -> None:
        """Returns when the page has loaded as far as it will by itself."""

    async def exercise(self, page: Page, check: Check, shoot: Shoot) -> None:
        """Does what a person would do, and checks that the page answers."""
        await self.touch(page)

    @abstractmethod
    async def touch(self, page: Page) -> None:
        """One small thing that a person does; returns when the page has answered."""

    async def write(self, page: Page, text: str) -> None:
        """Types a note as a person would; returns when the app has answered it."""
        raise NotImplementedError(f"the app of {self.name} takes no notes")

    def name_frame(self, direction: str, payload: bytes) -> str:
        """The framework's own name for a message (`direction`: sent, received)."""
        return payload[:16].hex(" ")


class Tide(Case):
    """An app that says "Tide stands at 20", with a button that raises it."""

    def label(self, page: Page | Frame) -> Locator:
        """Where the page says it."""
        return page.get_by_text("Tide stands at")

    async def wait_ready(self, page: Page | Frame) -> None:
        await expect(self.label(page)).to_have_text("Tide stands at 20", timeout=60_000)

    async def touch(self, page: Page | Frame) -> None:
        before = await self.label(page).inner_text()
        await page.get_by_role("button", name="Raise").click()
        await expect(self.label(page)).not_to_have_text(before)

    async def write(self, page: Page, text: str) -> None:
        field = page.get_by_label("Note", exact=True)
        await field.clear()
        await field.press_sequentially(text, delay=120)
        await field.press("Enter")
        await expect(page.get_by_text(f"Noted: {text}", exact=True)).to_be_visible()

    def name_frame(self, direction: str, payload: bytes) -> str:
        return shown(payload)


def shown(payload: bytes) -> str:
    """The start of a text message, on one line."""
    return " ".join(payload[:40].decode("utf-8", "replace").split())
