"""The page that the Streamlit case drives: a slider, an upload, a chart that streams.

Nothing here runs by itself. After the first run of the script, and after each
click, the script ends, so that a page left alone has no reason to send anything:
whatever an idle tab still sends comes from the framework, not from this app.
"""

import hashlib
import math
import time

import streamlit as st

STEPS = 30
STEP_SECONDS = 0.2

st.set_page_config(page_title="Ebbtide end to end", layout="centered")
st.title("Ebbtide end to end")

level = st.slider("Tide", min_value=0, max_value=100, value=20)
st.write(f"Tide stands at {level}")

upload = st.file_uploader("A file")
if upload is not None:
    data = upload.getvalue()
    digest = hashlib.sha256(data).hexdigest()[:16]
    st.write(f"Received {upload.name}: {len(data)} bytes, sha256 {digest}")

chart = st.empty()
state = st.empty()
if st.button("Stream"):
    points: list[float] = []
    for step in range(STEPS):
        points.append(round(math.sin(step / 3) * (10 + level / 10), 3))
        chart.line_chart({"height": points}, height=220)
        state.write(f"Streaming, point {step + 1} of {STEPS}")
        time.sleep(STEP_SECONDS)
    state.write(f"Stream complete: {STEPS} points")
