"""JupyterLab: a notebook whose cell a person runs and saves. The page left alone lists
files and kernels and writes its layout every 10 s."""

import json
from pathlib import Path

from playwright.async_api import Page, expect

from cases.base import Case, shown

NOTEBOOK = "tide.ipynb"
CELL = "tide = globals().get('tide', 20) + 1\nprint('Tide stands at', tide)"


class JupyterLab(Case):
    name = "jupyterlab"
    pack = "jupyter"
    packages = ("jupyterlab", "jupyter_server", "ipykernel")
    ready_path = "/api"
    path = f"/lab/tree/{NOTEBOOK}"
    person = "input"

    def prepare(self, folder: Path) -> None:
        cell = {"cell_type": "code", "id": "tide", "metadata": {}, "source": CELL}
        cell |= {"execution_count": None, "outputs": []}
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (folder / "files").mkdir()
        (folder / "files" / NOTEBOOK).write_text(json.dumps(notebook))

    def command(self, python: str, port: int, public: int) -> list[str]:
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": str(port),
            "ServerApp.port_retries": "0",
            "ServerApp.root_dir": "files",
            "IdentityProvider.token": "",
            "ServerApp.open_browser": "False",
            "LabApp.news_url": "",
            "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        }
        flags = [f"--{key}={value}" for key, value in options.items()]
        return [python, "-m", "jupyterlab", "--core-mode", "--allow-root", *flags]

    async def wait_ready(self, page: Page) -> None:
        await expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible(timeout=90_000)
        # The page knows its kernel only when its status bar says so.
        await expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=90_000)

    async def touch(self, page: Page) -> None:
        output = page.locator(".jp-Notebook .jp-OutputArea-output").first
        before = await output.inner_text() if await output.count() else ""
        await page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
        await page.keyboard.press("Control+Enter")
        await expect(output).to_contain_text("Tide stands at")
        if before:
            await expect(output).not_to_have_text(before)
        # Unsaved, it would be saved by a timer up to two minutes later, and that counts.
        await page.keyboard.press("Control+s")
        dirty = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.jp-mod-dirty")
        await expect(dirty).to_have_count(0)

    def name_frame(self, direction: str, payload: bytes) -> str:
        start = payload.find(b'"msg_type"')
        return shown(payload[max(start, 0) :])
