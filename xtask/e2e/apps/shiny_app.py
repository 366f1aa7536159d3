"""A counter that a person raises, a note, and a clock that the app pushes."""

from shiny import App, Inputs, Outputs, Session, reactive, render, ui

app_ui = ui.page_fluid(
    ui.h1("Ebbtide end to end"),
    ui.input_action_button("raise_tide", "Raise"),
    ui.output_text("label"),
    ui.input_text("note", "Note"),
    ui.output_text("noted"),
    ui.output_text("clock"),
    title="Ebbtide end to end",
)


def server(input: Inputs, output: Outputs, session: Session) -> None:
    ticks = 0

    @render.text
    def label() -> str:
        return f"Tide stands at {20 + input.raise_tide()}"

    @render.text
    def noted() -> str:
        return f"Noted: {input.note()}"

    @render.text
    def clock() -> str:
        nonlocal ticks
        reactive.invalidate_later(5)
        ticks += 1
        return f"The clock ran {ticks} times"


app = App(app_ui, server)
