"""A counter that a person raises, a note, and a clock that the app pushes."""

import sys

from nicegui import ui


@ui.page("/")
def index() -> None:
    state = {"tide": 20, "ticks": 0}
    ui.label("Ebbtide end to end").classes("text-h4")
    label = ui.label("Tide stands at 20")
    clock = ui.label("The clock ran 0 times")

    def higher() -> None:
        state["tide"] += 1
        label.set_text(f"Tide stands at {state['tide']}")

    def tick() -> None:
        state["ticks"] += 1
        clock.set_text(f"The clock ran {state['ticks']} times")

    ui.button("Raise", on_click=higher)
    noted = ui.label("Noted: ")
    ui.input("Note", on_change=lambda event: noted.set_text(f"Noted: {event.value}"))
    ui.timer(5, tick)


ui.run(
    host="127.0.0.1",
    port=int(sys.argv[1]),
    title="Ebbtide end to end",
    reload=False,
    show=False,
    show_welcome_message=False,
)
