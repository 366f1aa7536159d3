"""JupyterLab: a notebook whose cell a person runs and saves. The page left alone lists
files and kernels and writes its layout every 10 s."""

import json
from pathlib import Path

from playwright.async_api import Page, expect

from cases.base import Case, shown

NOTEBOOK = "tide.ipynb"
# Where the notebook is, below the server's folder.
FILES = "files"
CELL = "tide = globals().get('tide', 20) + 1\nprint('Tide stands at', tide)"
# The same, with an output that a kernel which was started anew does not repeat.
CLOCK = "import time\nprint('Tide stands at', time.time_ns())"
# Says nothing on its way, and leaves a file at its end.
SILENT_SECONDS = 120
FINISHED = "finished"
SILENT = f"import time\ntime.sleep({SILENT_SECONDS})\nopen('{FINISHED}', 'w').close()"


class JupyterLab(Case):
    name = "jupyterlab"
    pack = "jupyter"
    packages = ("jupyterlab", "jupyter_server", "ipykernel")
    ready_path = "/api"
    path = f"/lab/tree/{NOTEBOOK}"
    person = "input"

    # The first is what `touch` runs.
    cells: tuple[str, ...] = (CELL,)

    def prepare(self, folder: Path) -> None:
        code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        cells = [{**code, "id": f"cell-{i}", "source": s} for i, s in enumerate(self.cells)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (folder / FILES).mkdir()
        (folder / FILES / NOTEBOOK).write_text(json.dumps(notebook))

    def command(self, python: str, port: int, public: int) -> list[str]:
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": str(port),
            "ServerApp.port_retries": "0",
            "ServerApp.root_dir": FILES,
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
        await self.save(page)

    async def save(self, page: Page) -> None:
        """Unsaved, it would be saved by a timer up to two minutes later, and that counts."""
        await page.keyboard.press("Control+s")
        dirty = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.jp-mod-dirty")
        await expect(dirty).to_have_count(0)

    def name_frame(self, direction: str, payload: bytes) -> str:
        start = payload.find(b'"msg_type"')
        return shown(payload[max(start, 0) :])


class JupyterLabAtWork(JupyterLab):
    """Three cells: a clock, one that computes in silence and leaves a file, and one to
    write into."""

    cells = (CLOCK, SILENT, "")
    COMPUTATION, NOTE = 1, 2

    async def edit(self, page: Page, cell: int) -> None:
        """Puts the cursor into a cell."""
        await page.locator(".jp-Notebook .jp-Cell .cm-content").nth(cell).click()

    async def write(self, page: Page, text: str) -> None:
        await self.edit(page, self.NOTE)
        await page.keyboard.press("Control+a")
        await page.keyboard.type(f"'{text}'", delay=120)
        await page.keyboard.press("Control+Enter")
        note = page.locator(".jp-Notebook .jp-Cell").nth(self.NOTE)
        await expect(note.locator(".jp-OutputArea-output")).to_contain_text(text)
        await self.save(page)

    async def compute(self, page: Page) -> None:
        """Runs the silent cell; returns when it is under way."""
        await self.edit(page, self.COMPUTATION)
        await page.keyboard.press("Control+Enter")
        prompt = page.locator(".jp-Notebook .jp-Cell .jp-InputPrompt").nth(self.COMPUTATION)
        await expect(prompt).to_have_text("[*]:")

    def finished(self, folder: Path) -> Path:
        """There when the silent cell has come to its end."""
        return folder / FILES / FINISHED


class JupyterLabWriting(JupyterLabAtWork):
    """Saves by itself more often than every 120 s, in proportion to how soon the trial lets
    the app be idle: of somebody who writes and runs nothing the server hears by that alone."""

    name = "jupyterlab-writing"

    def prepare(self, folder: Path) -> None:
        super().prepare(folder)
        settings = folder / ".jupyter/lab/user-settings/@jupyterlab/docmanager-extension"
        settings.mkdir(parents=True)
        interval = json.dumps({"autosaveInterval": 8})
        (settings / "plugin.jupyterlab-settings").write_text(interval)
