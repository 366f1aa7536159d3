"""Dash: a click is a POST, and so is each tick of the page's own `dcc.Interval`."""

from playwright.async_api import Locator, Page

from cases.base import APPS, Tide


class Dash(Tide):
    name = pack = "dash"
    packages = ("dash",)
    ready_path = "/"
    person = "request"
    reconnects = False

    def command(self, python: str, port: int, public: int) -> list[str]:
        return [python, str(APPS / "dash_app.py"), str(port)]

    def label(self, page: Page) -> Locator:
        return page.locator("#label")
