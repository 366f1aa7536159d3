"""A counter that a person raises, and nothing that runs by itself."""

import streamlit as st

st.title("Ebbtide end to end: a frame")

st.session_state.setdefault("tide", 20)
if st.button("Raise"):
    st.session_state.tide += 1
st.write(f"Tide stands at {st.session_state.tide}")
