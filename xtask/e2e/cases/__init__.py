"""The frameworks that the proof can drive, one module each.

A case says how to start its server and what a person does on its page. A new
framework is a new module with a subclass of `Case`, its app under `apps/`, and
its name in `CASES`.
"""

from cases.base import Case
from cases.bokeh import Bokeh, BokehFollowing, BokehFollowingNamed
from cases.dash import Dash
from cases.demo import Demo
from cases.gradio import Gradio
from cases.jupyterlab import JupyterLab
from cases.marimo import Marimo
from cases.nicegui import NiceGui
from cases.shiny import Shiny
from cases.streamlit import Streamlit
from cases.streamlit_framed import StreamlitFramed, StreamlitFramedOld
from cases.streamlit_timer import StreamlitTimer

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Streamlit(),
        StreamlitTimer(),
        JupyterLab(),
        Gradio(),
        Dash(),
        Shiny(),
        NiceGui(),
        Bokeh(),
        BokehFollowing(),
        BokehFollowingNamed(),
        Marimo(),
    )
}

# Those that are shown in the page of a host.
FRAMED: tuple[Case, ...] = (StreamlitFramed(), StreamlitFramedOld())
