"""Bokeh server: every click is a message of three frames; a periodic callback streams
to the page for ever."""

from cases.base import APPS, Tide


class Bokeh(Tide):
    name = pack = "bokeh"
    packages = ("bokeh", "tornado")
    ready_path = path = "/bokeh_app"
    person = "input"
    # What the app is told: whether its plot's ranges are fixed or follow the line.
    ranges = "fixed"

    def command(self, python: str, port: int, public: int) -> list[str]:
        options = ["--address", "127.0.0.1", "--port", str(port)]
        options += ["--allow-websocket-origin", f"127.0.0.1:{public}", "--args", self.ranges]
        return [python, "-m", "bokeh", "serve", str(APPS / "bokeh_app.py"), *options]


class BokehFollowing(Bokeh):
    name = "bokeh-following"
    ranges = "following"
    counts = {"idle": "a range that follows a stream is told to the app as a person's zoom is"}


class BokehFollowingNamed(BokehFollowing):
    """By the pack of those who rather lose a zoom."""

    name = "bokeh-following-named"
    packs = ("bokeh-following",)
    counts = {}
