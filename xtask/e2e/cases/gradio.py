"""Gradio: a click is a POST, its answer a server-sent event, and the page's state is
kept by a heartbeat stream."""

from playwright.async_api import Page, expect

from cases.base import APPS, Case


class Gradio(Case):
    name = pack = "gradio"
    packages = ("gradio",)
    ready_path = "/config"
    person = "request"
    reconnects = False

    def command(self, python: str, port: int, public: int) -> list[str]:
        return [python, str(APPS / "gradio_app.py"), str(port)]

    async def wait_ready(self, page: Page) -> None:
        await expect(page.get_by_label("Tide")).to_have_value("stands at 20", timeout=60_000)

    async def touch(self, page: Page) -> None:
        field = page.get_by_label("Tide")
        before = await field.input_value()
        await page.get_by_role("button", name="Raise").click()
        await expect(field).not_to_have_value(before)

    async def write(self, page: Page, text: str) -> None:
        field = page.get_by_label("Note", exact=True)
        await field.clear()
        await field.press_sequentially(text, delay=120)
        await field.press("Enter")
        await expect(page.get_by_label("Noted", exact=True)).to_have_value(text)
