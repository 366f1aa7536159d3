"""Shiny for Python: inputs are JSON messages; the app pushes a clock for ever. A page
that has lost its connection turns grey and waits for a reload."""

from playwright.async_api import Locator, Page

from cases.base import APPS, Tide


class Shiny(Tide):
    name = pack = "shiny"
    packages = ("shiny",)
    ready_path = "/"
    person = "input"
    reconnects = survives_cut = False
    compresses = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        app = str(APPS / "shiny_app.py")
        return [python, "-m", "shiny", "run", "--host", "127.0.0.1", "--port", str(port), app]

    def label(self, page: Page) -> Locator:
        return page.locator("#label")
