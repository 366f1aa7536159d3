"""A counter that a person raises, a note, and a clock that the page itself keeps asking for."""

import streamlit as st

st.title("Ebbtide end to end: a timer")

state = st.session_state
state.setdefault("tide", 20)
state.setdefault("ticks", 0)


@st.fragment(run_every=5)
def clock() -> None:
    state.ticks += 1
    st.write(f"The clock ran {state.ticks} times")


if st.button("Raise"):
    state.tide += 1
st.write(f"Tide stands at {state.tide}")
st.write("Noted: " + st.text_input("Note"))
clock()
