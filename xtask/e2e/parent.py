"""A host's page: shows the app in a frame and asks it for heartbeats, as hosting
platforms do. Its origin is not the app's."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# `stCommVersion`: version 1 of the messages between Streamlit and its host.
PAGE = """<!doctype html>
<title>A host</title>
<h1>A host</h1>
<iframe id="app" src="{app}" style="width: 100%; height: 600px"></iframe>
<script>
  function beat(patience) {{
    const message = {{
      stCommVersion: 1,
      type: "SEND_APP_HEARTBEAT",
      ackTimeoutMilliseconds: patience,
    }};
    document.getElementById("app").contentWindow.postMessage(message, "*");
  }}
</script>
"""


class Parent:
    """Serves the page at `url`; `app` is where the frame goes."""

    def __init__(self, app: str) -> None:
        page = PAGE.format(app=app).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
