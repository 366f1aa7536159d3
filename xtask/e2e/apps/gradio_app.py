"""A counter in the page's own state, which makes the page keep a heartbeat stream open; a note."""

import os
import sys

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr  # noqa: E402


def higher(tide: int) -> tuple[int, str]:
    return tide + 1, f"stands at {tide + 1}"


with gr.Blocks(title="Ebbtide end to end") as app:
    state = gr.State(20)
    label = gr.Textbox("stands at 20", label="Tide", interactive=False)
    gr.Button("Raise").click(higher, state, [state, label])
    noted = gr.Textbox(label="Noted", interactive=False)
    note = gr.Textbox(label="Note")
    note.submit(lambda text: text, note, noted)

app.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
