"""A stretch of network between browser and Ebbtide that can be cut.

Copies bytes of TCP connections and knows nothing of what they mean.
"""

import asyncio
import contextlib


class Relay:
    """Listens on 127.0.0.1:`port` and passes everything on to `target` there."""

    def __init__(self, port: int, target: int) -> None:
        self._port, self._target = port, target
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, onward[1]}
        await asyncio.gather(_copy(reader, onward[1]), _copy(onward[0], writer))
        for end in (writer, onward[1]):
            self._writers.discard(end)
            end.close()

    def cut(self) -> int:
        """Resets every connection, as a network that has lost them does, and lets new
        ones through. Returns how many there were."""
        cut = len(self._writers) // 2
        for writer in list(self._writers):
            writer.transport.abort()
        return cut

    async def stop(self) -> None:
        self._server.close()
        self.cut()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()
