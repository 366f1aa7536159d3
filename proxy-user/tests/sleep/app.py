"""An app for the tests: says in a folder when it starts and what it is asked, and answers.

    app.py PORT FOLDER [DELAY]

At SIGTERM it says so and ends, after a second if the folder has a file `linger`.
"""

import base64
import hashlib
import os
import pathlib
import signal
import socket
import sys
import threading
import time

port, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
delay = float(sys.argv[3]) if len(sys.argv) > 3 else 0
# Of a slow answer, ten a second.
PIECES = 60
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def note(name, line):
    with open(folder / name, "a") as file:
        file.write(line + "\n")


def stream_answer(connection, path):
    """Whether the path is none of those that take their time."""
    heads = {
        "/slow": f"Content-Length: {PIECES}\r\n",
        "/stalled": f"Content-Length: {PIECES}\r\n",
        "/events": "Content-Type: text/event-stream\r\n",
        "/stream": "Content-Type: application/x-ndjson\r\n",
        "/export": "Content-Type: text/csv\r\n",
    }
    if path not in heads:
        return True
    connection.sendall(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{heads[path]}\r\n".encode())
    piece = {"/events": b"data: news\n\n", "/stream": b"{}\n"}.get(path, b"x")
    count = {"/slow": PIECES, "/export": PIECES, "/stalled": 1}.get(path, 10**6)
    for _ in range(count):
        connection.sendall(piece)
        time.sleep(0.1)
    if path == "/stalled":
        time.sleep(3600)
    connection.close()
    return False


def burn(after, seconds):
    """Uses so much CPU time, and says nothing of it."""
    time.sleep(after)
    while time.thread_time() < seconds:
        pass


def serve(connection):
    stream = connection.makefile("rb")
    while True:
        line = stream.readline().decode().strip()
        if not line:
            return
        note("asked", line)
        fields = {}
        while field := stream.readline().decode().strip():
            name, value = field.split(":", 1)
            fields[name.lower()] = value.strip()
        if fields.get("upgrade") == "websocket":
            key = hashlib.sha1((fields["sec-websocket-key"] + GUID).encode()).digest()
            accept = base64.b64encode(key).decode()
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            )
            while connection.recv(65536):
                pass
            return
        if not stream_answer(connection, line.split()[1]):
            return
        left, body = int(fields.get("content-length", 0)), hashlib.sha256()
        while left:
            piece = stream.read(min(left, 1 << 16))
            left -= len(piece)
            body.update(piece)
        if "/burn/" in line:
            after, seconds = line.split()[1].split("/")[2:]
            threading.Thread(target=burn, args=(float(after), float(seconds)), daemon=True).start()
        text = body.hexdigest()
        if "/state" in line:
            text = (folder / "state").read_text()
        kind = "text/plain"
        if "/api/kernels" in line:
            kind, text = "application/json", (folder / "kernels").read_text()
        answer = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n{text}"
        connection.sendall(answer.encode())


def end(*_):
    note("told", "SIGTERM")
    if (folder / "linger").exists():
        time.sleep(1)
    os._exit(0)


signal.signal(signal.SIGTERM, end)
note("started", str(port))
time.sleep(delay)
listener = socket.create_server(("127.0.0.1", port))
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
