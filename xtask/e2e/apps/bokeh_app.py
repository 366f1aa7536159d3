"""A counter that a person raises, and a line that the app keeps drawing."""

import math
import sys

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, ColumnDataSource, Div
from bokeh.plotting import figure

tide = 20
label = Div(text=f"Tide stands at {tide}")
button = Button(label="Raise", button_type="primary")
source = ColumnDataSource({"x": [0], "y": [0.0]})
# An automatic range follows the line, and the page tells the app of each step.
fixed = {"x_range": (0, 60), "y_range": (-1.2, 1.2)} if sys.argv[1:] == ["fixed"] else {}
plot = figure(height=250, width=600, **fixed)
plot.line("x", "y", source=source)


def higher() -> None:
    global tide
    tide += 1
    label.text = f"Tide stands at {tide}"


def draw() -> None:
    x = source.data["x"][-1] + 1
    source.stream({"x": [x], "y": [math.sin(x / 3)]}, rollover=60)


button.on_click(higher)
curdoc().title = "Ebbtide end to end"
curdoc().add_root(column(Div(text="<h1>Ebbtide end to end</h1>"), button, label, plot))
curdoc().add_periodic_callback(draw, 5000)
