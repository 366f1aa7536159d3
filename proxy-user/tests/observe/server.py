"""The server of the incident: one seat, held for as long as a send takes.

Plain `websockets.sync.server`, as its documentation shows it. Prints `port N`, then `taken` and
`released` as the seat changes hands, and `refused` for who finds it taken.
"""

import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

SEAT = threading.Lock()
FRAME = b"x" * 16384


def say(word):
    print(word, flush=True)


def session(websocket):
    if not SEAT.acquire(blocking=False):
        say("refused")
        websocket.close(1013, "the seat is taken")
        return
    say("taken")
    try:
        while True:
            websocket.send(FRAME)
    except ConnectionClosed:
        pass
    finally:
        SEAT.release()
        say("released")


with serve(session, "127.0.0.1", 0, compression=None) as server:
    say(f"port {server.socket.getsockname()[1]}")
    server.serve_forever()
