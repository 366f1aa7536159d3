"""The frameworks that the proof can drive, one module each.

A case says how to start its server and what a person does on its page. A new
framework is a new module with a subclass of `Case`, its app under `apps/`, and
its name in `CASES`.
"""

from cases.base import Case
from cases.streamlit import Streamlit

CASES: dict[str, Case] = {case.name: case for case in (Streamlit(),)}
