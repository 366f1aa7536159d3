"""A counter that a person raises."""

import marimo

app = marimo.App(app_title="Ebbtide end to end")


@app.cell
def _():
    import marimo as mo

    mo.md("# Ebbtide end to end")
    return (mo,)


@app.cell
def _(mo):
    button = mo.ui.button(value=20, on_click=lambda value: value + 1, label="Raise")
    button
    return (button,)


@app.cell
def _(button, mo):
    mo.md(f"Tide stands at {button.value}")


if __name__ == "__main__":
    app.run()
