"""`ebbtide demo`: its own app behind its own proxy, so nothing here starts a server."""

from playwright.async_api import Locator, Page, expect

from cases.base import Case


class Demo(Case):
    name = "demo"
    pack = "demo"
    packages = ()
    ready_path = "/"
    person = "input"

    def command(self, python: str, port: int, public: int) -> list[str]:
        raise NotImplementedError("the demo is Ebbtide's own command")

    def verdict(self, page: Page) -> Locator:
        """What the page says that Ebbtide makes of it: green or grey."""
        return page.get_by_role("status")

    async def wait_ready(self, page: Page) -> None:
        await expect(self.verdict(page)).to_have_class("used")

    async def touch(self, page: Page) -> None:
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#log")).to_contain_text("← hello")
