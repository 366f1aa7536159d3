"""marimo as a published app: a click is a POST; on the WebSocket only the app speaks."""

from cases.base import APPS, Tide


class Marimo(Tide):
    name = pack = "marimo"
    packages = ("marimo",)
    ready_path = "/health"
    person = "request"
    compresses = True
    idle_is_silent = True

    def command(self, python: str, port: int, public: int) -> list[str]:
        options = ["--headless", "--no-token"]
        options += ["--host", "127.0.0.1", "--port", str(port)]
        return [python, "-m", "marimo", "run", str(APPS / "marimo_app.py"), *options]
