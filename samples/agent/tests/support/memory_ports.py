"""The agent's ports in memory: virtual time, no threads, a disk that forgets unsynced data, a network with one server.

`MemoryPorts.run` runs a coroutine. Whenever every task waits, virtual time advances to the next timer.
"""

import asyncio
import errno
import heapq
import itertools
import json
import os
import selectors
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from edge_agent.errors import NetworkError, WebSocketRefusedError
from edge_agent.ports import Ports
from edge_agent.ports.network import Response
from edge_agent.ports.processes import ProcessFigures

from samples.agent.tests.support.stub_server import Request

LATENCY_SECONDS = 0.05


class MemoryPorts:
    """One machine. `disk` outlives its processes; every other port is new for each process."""

    def __init__(self, server, disk=None):
        self.clock = VirtualClock()
        self.disk = disk or MemoryDisk()
        self.network = MemoryNetwork(server, self.clock)
        self.processes = MemoryProcesses(self.clock)

    def all(self):
        return Ports(self.clock, InlineThreads(), self.disk, self.network, self.processes)

    def run(self, coroutine):
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_IdleSelector(self.clock))) as runner:
            return runner.run(coroutine)


class _IdleSelector(selectors.DefaultSelector):
    """Advances virtual time where a real event loop would wait."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def select(self, timeout=None):
        if timeout is None or timeout > 0:
            self._clock.advance()
        return super().select(0)


class VirtualClock:
    """Stands still until `advance` fires the next timer."""

    def __init__(self, moment=datetime(2026, 1, 1, tzinfo=UTC)):
        self._moment = moment
        self._seconds = 0.0
        self._timers = []
        self._numbers = itertools.count()

    def now(self):
        return self._moment + timedelta(seconds=self._seconds)

    def monotonic(self):
        return self._seconds

    async def sleep(self, seconds):
        woken = asyncio.Event()
        timer = self.call_later(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    @asynccontextmanager
    async def timeout(self, seconds):
        async with asyncio.timeout(None) as limit:
            if seconds is None:
                yield
                return
            timer = self.call_later(seconds, lambda: limit.reschedule(asyncio.get_running_loop().time()))
            try:
                yield
            finally:
                timer.cancel()

    def call_later(self, seconds, call):
        timer = _Timer(call)
        heapq.heappush(self._timers, (self._seconds + max(seconds, 0), next(self._numbers), timer))
        return timer

    def advance(self):
        """Move to the next timer and fire it. Fails if there is none: nothing could ever happen again."""
        while self._timers:
            due_at, _, timer = heapq.heappop(self._timers)
            if timer.call is not None:
                self._seconds = max(self._seconds, due_at)
                asyncio.get_running_loop().call_soon(timer.call)
                return
        raise AssertionError("every task waits, and no timer is set")


class _Timer:
    def __init__(self, call):
        self.call = call

    def cancel(self):
        self.call = None


class InlineThreads:
    """Makes calls at once, in the event loop."""

    async def run(self, call):
        await asyncio.sleep(0)
        return call()

    run_detached = run

    def worker(self, name):
        return self

    def close(self):
        pass


class _Inode:
    def __init__(self):
        self.content, self.synced = bytearray(), b""

    def copy(self):
        other = _Inode()
        other.content, other.synced = bytearray(self.content), self.synced
        return other


class MemoryDisk:
    """Files with their synced state, which is what `after_power_cut` leaves."""

    def __init__(self):
        self._names, self._synced_names, self._locks = {}, {}, set()
        self.is_full = False

    def after_power_cut(self, unsynced_bytes=0):
        """A disk with the data and names that were synced. Later writes to this one do not reach it.

        `unsynced_bytes` of the data that was appended since the last sync have reached the disk too.
        """
        disk, copies = type(self)(), {}
        names = {}
        for name, inode in self._synced_names.items():
            copy = copies.setdefault(id(inode), _Inode())
            copy.synced = inode.synced + inode.content[len(inode.synced) :][:unsynced_bytes]
            copy.content = bytearray(copy.synced)
            names[name] = copy
        disk.hold(names, dict(names))
        return disk

    def hold(self, names, synced_names):
        """Have this content."""
        self._names, self._synced_names = names, synced_names

    def release_locks(self):
        """The processes that held them are dead."""
        self._locks.clear()

    def read(self, path):
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return bytes(self._names[path].content)

    def read_piece(self, path, position, size_bytes):
        return self.read(path)[position : position + size_bytes]

    def size(self, path):
        return len(self.read(path))

    def write(self, path, content):
        self.check_space()
        inode = self._names.setdefault(path, _Inode())
        inode.content, inode.synced = bytearray(content), bytes(content)

    def rename(self, source, target):
        self.read(source)
        self._names[target] = self._names.pop(source)
        self.sync_folder(target.parent)

    def open(self, path, *, truncate=False):
        self.check_space()
        inode = self._names.setdefault(path, _Inode())
        if truncate:
            inode.content.clear()
        return _MemoryFile(self, inode)

    def remove(self, path):
        self._names.pop(path, None)

    def remove_folder(self, path):
        self._names = {name: inode for name, inode in self._names.items() if path not in name.parents}

    def sync_folder(self, folder):
        others = {name: inode for name, inode in self._synced_names.items() if name.parent != folder}
        self._synced_names = others | {name: inode for name, inode in self._names.items() if name.parent == folder}

    def files(self, folder):
        return [name.name for name in self._names if name.parent == folder]

    def folders(self, folder):
        return sorted({name.relative_to(folder).parts[0] for name in self._names if folder in name.parent.parents})

    def link_target(self, path):
        return None

    def own_folder(self, path):
        pass

    def lock(self, path):
        if path in self._locks:
            return None
        self._locks.add(path)
        return _MemoryLock(self._locks, path)

    def free_bytes(self, path):
        return 0 if self.is_full else 2**40

    def is_writable(self, path):
        return True

    def check_space(self):
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _MemoryLock:
    def __init__(self, locks, path):
        self.close = lambda: locks.discard(path)


class _MemoryFile:
    def __init__(self, disk, inode):
        self._disk, self._inode = disk, inode

    def append(self, content):
        self.write_at(len(self._inode.content), content)

    def write_at(self, position, content):
        self._disk.check_space()
        held = self._inode.content
        held.extend(bytes(max(position - len(held), 0)))
        held[position : position + len(content)] = content

    def sync(self):
        self._disk.check_space()
        self._inode.synced = bytes(self._inode.content)

    def close(self):
        pass


class MemoryNetwork:
    """Carries requests to one `StubServer`, which need not listen. Each takes `LATENCY_SECONDS`."""

    def __init__(self, server, clock):
        self._server, self._clock = server, clock
        self.store_is_away = False
        # Status and content with which something else on the way answers all requests.
        self.between = None
        # Status with which something on the way refuses sockets alone.
        self.refused_sockets = None
        self.sent = []
        """What the agent said over its sockets."""

    async def request(self, method, url, *, headers, body, limits):
        await self._clock.sleep(LATENCY_SECONDS)
        parts = urlsplit(url)
        path, query = parts.path.removeprefix("/api/v1"), dict(parse_qsl(parts.query))
        if method == "PUT":
            self._server.requests.append(Request(method, path, None, None, None))
            if self.store_is_away:
                await self._clock.sleep(limits.connect_seconds)
                raise NetworkError("no answer")
            return Response(self._server.put(path, query, headers, body), {}, b"")
        content = None if body is None else json.loads(body)
        token = headers.get("authorization", "").removeprefix("Bearer ") or None
        self._server.requests.append(Request(method, path, content, token, headers.get("x-edge-instance")))
        if self._server.down:
            raise NetworkError("down")
        if self.between is not None:
            return Response(self.between[0], {}, self.between[1])
        status, answer = self._server.handle(method, path, query, content, token)
        return Response(status, {}, json.dumps(answer).encode())

    @asynccontextmanager
    async def web_socket(self, url, headers):
        await self._clock.sleep(LATENCY_SECONDS)
        if self._server.down:
            raise NetworkError("down")
        if self.refused_sockets is not None:
            raise WebSocketRefusedError(self.refused_sockets)
        connection = MemoryWebSocket(self.sent)
        self._server.connections.add(connection.server_side)
        try:
            yield connection
        finally:
            self._server.connections.discard(connection.server_side)

    def close(self):
        pass


class MemoryWebSocket:
    """The agent's side of a connection."""

    def __init__(self, sent):
        self._sent = sent
        self._frames = asyncio.Queue()
        self.server_side = _ServerSide(self._frames)

    async def __aiter__(self):
        while (frame := await self._frames.get()) is not None:
            yield frame

    async def send(self, frame):
        """Keep the frame, unless it is a ping."""
        content = json.loads(frame)
        if content["type"] != "ping":
            self._sent.append(content)


class _ServerSide:
    def __init__(self, frames):
        self.send = frames.put_nowait
        self.close = lambda: frames.put_nowait(None)


class MemoryProcesses:
    """Programs as a model: a command line is `SECONDS EXIT_CODE OUTPUT`."""

    inherits_orphans = False

    def __init__(self, clock):
        self._clock = clock
        self.started = []
        self.environments = []
        self.programs = []

    def start_command(self, text, environment, output):
        self.started.append(text)
        self.environments.append(environment)
        program = MemoryProgram(self._clock, text, output)
        self.programs.append(program)
        return program

    def kill_by_variable(self, name, value):
        return 0

    def figures(self):
        return ProcessFigures(0, 0, 0)

    def machine_facts(self):
        return {"hostname": "virtual"}

    def host_figures(self):
        return []


class MemoryProgram:
    def __init__(self, clock, text, output):
        seconds, exit_code, self._text = text.split(" ", 2)
        self.exited, self.outputs_closed = asyncio.Event(), asyncio.Event()
        self._output, self._exit_code = output, int(exit_code)
        self._end = clock.call_later(float(seconds), self._finish)

    def write(self, text):
        """Write something before the end."""
        self.write_bytes(text.encode())

    def write_bytes(self, data):
        self._output(data)

    def _finish(self):
        self._output(self._text.encode())
        self.exited.set()
        self.outputs_closed.set()

    def signal(self, name):
        if not self.exited.is_set():
            self._end.cancel()
            self._exit_code = {"TERM": 143, "KILL": 137}[name]
            self.exited.set()
            self.outputs_closed.set()

    def kill_session(self):
        self.signal("KILL")

    def exit_code(self):
        return self._exit_code

    def close(self):
        self._end.cancel()
