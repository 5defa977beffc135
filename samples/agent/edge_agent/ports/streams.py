import asyncio
import os
from collections.abc import Callable

READ_BYTES = 64 * 1024
BUFFER_BYTES = 256 * 1024


class OutputStream:
    """Reads a descriptor in the event loop and passes its data on until it ends. Owns the descriptor."""

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
            # A terminal reports EIO when its last process has ended.
            data = b""
        if data:
            self._take(data)
        else:
            self.close()
            self._ended()


class InputStream:
    """Writes to a descriptor from the event loop. Owns the descriptor.

    `full` is called when more than `BUFFER_BYTES` are buffered, `drained` when the buffer is empty. Data that the
    reader refuses is dropped.
    """

    def __init__(self, descriptor: int, full: Callable[[], None], drained: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._full = full
        self._drained = drained
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._at_end = False
        self._open = True
        os.set_blocking(descriptor, False)

    def write(self, data: bytes) -> None:
        if not self._open or self._at_end:
            return
        if not self._buffer:
            self._loop.add_writer(self._descriptor, self._flush)
        self._buffer += data
        if len(self._buffer) > BUFFER_BYTES:
            self._full()

    def end(self) -> None:
        """Close it once all data is written."""
        self._at_end = True
        if not self._buffer:
            self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_writer(self._descriptor)
            os.close(self._descriptor)
            self._buffer.clear()

    def _flush(self) -> None:
        try:
            written = os.write(self._descriptor, self._buffer)
        except BlockingIOError:
            return
        except OSError:
            # The program has closed its input or ended.
            self.close()
            self._drained()
            return
        del self._buffer[:written]
        if self._buffer:
            return
        self._loop.remove_writer(self._descriptor)
        # May write more at once.
        self._drained()
        if self._at_end and not self._buffer:
            self.close()
