"""A counter that a person raises, and a clock that the page's interval keeps going."""

import sys

from dash import Dash, Input, Output, callback, dcc, html

app = Dash(__name__, title="Ebbtide end to end")
app.layout = html.Div(
    [
        html.H1("Ebbtide end to end"),
        html.Button("Raise", id="raise", n_clicks=0),
        html.P(id="label"),
        html.P(id="clock"),
        dcc.Interval(id="tick", interval=5000),
    ]
)


@callback(Output("label", "children"), Input("raise", "n_clicks"))
def label(clicks: int) -> str:
    return f"Tide stands at {20 + clicks}"


@callback(Output("clock", "children"), Input("tick", "n_intervals"))
def clock(ticks: int | None) -> str:
    return f"The clock ran {ticks or 0} times"


app.run(host="127.0.0.1", port=int(sys.argv[1]))
