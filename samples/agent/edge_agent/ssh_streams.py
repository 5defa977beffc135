import asyncio
import os
from collections.abc import Callable

READ_BYTES = 32 * 1024
BUFFER_BYTES = 256 * 1024


class OutputStream:
    """Reads a descriptor in the event loop and hands on what comes, until its end. Owns the descriptor."""

    def __init__(self, descriptor: int, take: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._take = take
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._open = True
        os.set_blocking(descriptor, False)
        self.resume()

    def pause(self) -> None:
        if self._open:
            self._loop.remove_reader(self._descriptor)

    def resume(self) -> None:
        if self._open:
            self._loop.add_reader(self._descriptor, self._read)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            # What a terminal says (EIO) when its last process has gone.
            data = b""
        if data:
            self._take(data)
        else:
            self.close()
            self._ended()


class InputStream:
    """Writes to a descriptor in the event loop. Owns the descriptor.

    `full` is called when more waits than should, `room` when all of it is written. What the reader does not want any
    more is dropped.
    """

    def __init__(self, descriptor: int, full: Callable[[], None], room: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._full = full
        self._room = room
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._at_end = False
        self._open = True
        os.set_blocking(descriptor, False)

    def write(self, data: bytes) -> None:
        if not self._open or self._at_end:
            return
        if not self._waiting:
            self._loop.add_writer(self._descriptor, self._flush)
        self._waiting += data
        if len(self._waiting) > BUFFER_BYTES:
            self._full()

    def end(self) -> None:
        """Close it once all is written."""
        self._at_end = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_writer(self._descriptor)
            os.close(self._descriptor)
            self._waiting.clear()

    def _flush(self) -> None:
        try:
            written = os.write(self._descriptor, self._waiting)
        except BlockingIOError:
            return
        except OSError:
            # The program has closed its input, or is gone.
            self.close()
            self._room()
            return
        del self._waiting[:written]
        if self._waiting:
            return
        self._loop.remove_writer(self._descriptor)
        # May bring more at once.
        self._room()
        if self._at_end and not self._waiting:
            self.close()
