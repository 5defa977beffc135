"""API Gateway between machines, operators and the application: requests and sockets, with what gets lost on the way."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Protocol

from chalicelib.families import NAMES, apis_of
from chalicelib.fleet.api import API as EDGE_ADMIN
from chalicelib.web.endpoint import Endpoint
from infra.functions import function
from tests.simulation.engine.aws import refused
from tests.simulation.engine.world import START_SECONDS, SimulatedWorld
from tests.support.client import Client, HttpAnswer
from tests.support.declared import FAMILIES
from tests.support.fakes.dynamo import Crash
from tests.support.fakes.messaging import FakeSocketApi
from tests.support.fakes.timeline import Killed
from tests.support.timed_world import Context

LATENCY_SECONDS = (0.01, 0.12)
LATE_SECONDS = (1.0, 28.0)
DISCONNECT_SECONDS = (60.0, 1500.0)
FRAME_SECONDS = 0.05
FRAME_LATE_SECONDS = (1.0, 900.0)
IDLE_SECONDS = 600.0
LIFE_SECONDS = 7200.0
"""API Gateway ends a socket that carried nothing for so long, and every one after so long."""

UNTOLD = HttpAnswer(502, {}, "")

IDEMPOTENCY_KEY = "Idempotency-Key"
REPEATED_BY: ContextVar[str] = ContextVar("repeated_by", default="")
"""The ``Idempotency-Key`` of the request that is at work."""


@dataclass(frozen=True)
class Exchange:
    """A request that the application answered, whether the answer arrived or not. ``endpoint`` is None for a path that
    is not there; ``options`` are those of the client, with ``headers`` and ``key``."""

    method: str
    path: str
    endpoint: Endpoint | None
    options: Mapping[str, Any]
    answer: HttpAnswer
    began_at: datetime

    @property
    def request_id(self) -> str:
        return self.answer.headers.get("x-request-id", "")

    def __str__(self) -> str:
        return f"{self.method} {self.path} is {self.answer.status} {self.answer.text}"[:300]


Answered = Callable[[HttpAnswer | None], None]
"""Told of the answer, None where it got lost."""

_API = function("api_handler")
_APIS = {api.name: (family, api) for family in FAMILIES.each if family.name in NAMES for api in apis_of(family.name)}


class Line(Protocol):
    """The end of a socket that is a machine's, or an operator's."""

    def deliver(self, frame: str) -> None: ...

    def hang_up(self) -> None: ...


@dataclass
class _Socket:
    """An open socket, and when it last carried a frame."""

    line: Line
    used_at: datetime


class Gateway:
    """Runs requests as activities of a world. ``heard`` is told of each request that the application answered."""

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        self._clients: dict[str, Client] = {}
        self._sockets: dict[str, _Socket] = {}
        self._numbers = count(1)
        self.heard: list[Callable[[Exchange], None]] = []
        self.overheard: Callable[[Any, str, bool], None] = lambda _machine, _frame, _is_sent: None
        """Told of each frame that a machine gets, or sends."""
        world.socket_client = _Posts(world, self._sockets)

    def client(self, api: str = EDGE_ADMIN.name) -> Client:
        """The routes of an API, on the container of the activity that asks. One application serves them all: it has
        read its request before anything else gets a turn."""
        if api not in self._clients:
            family, known = _APIS[api]

            def here() -> Any:
                return self._world.platform.container_of(family)

            self._clients[api] = Client(known.groups(), here(), here=here, api=known)
        return self._clients[api]

    def http(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None, address: str, answered: Answered
    ) -> None:
        """A machine's request. ``answered`` is told later."""
        weather, timeline = self._world.weather, self._world.timeline
        chance = weather.chance("request_lost")
        if weather.strikes("request_lost"):
            answered(None)
            return

        def arrive() -> None:
            early = (
                500 if weather.strikes("server_answers_5xx") else 429 if weather.strikes("server_answers_429") else None
            )
            if early is not None:
                told = HttpAnswer(early, {"retry-after": "7"} if early == 429 else {}, "{}")
                timeline.after(chance.uniform(*LATENCY_SECONDS), lambda: answered(told))
                return
            self._world.start("api", work, deadline=self._world.clock.now() + timedelta(seconds=_API.timeout_seconds))

        def work() -> None:
            answer: HttpAnswer | None = UNTOLD
            try:
                self._world.clock.sleep(START_SECONDS)
                options = {"headers": headers, "body": body, "key": None, "address": address, "checked": False}
                answer = self._request(method, path, EDGE_ADMIN.name, options)
            finally:
                if weather.strikes("answer_lost"):
                    answer = None
                timeline.after(chance.uniform(*LATENCY_SECONDS), lambda: answered(answer))

        is_late = weather.strikes("request_late")
        seconds = weather.seconds("request_late", *LATE_SECONDS) if is_late else chance.uniform(*LATENCY_SECONDS)
        timeline.after(seconds, arrive)

    def ask(self, method: str, path: str, *, api: str = EDGE_ADMIN.name, **options: Any) -> HttpAnswer | None:
        """An operator's request, within her activity; None where no answer came."""
        world = self._world
        if world.weather.strikes("request_lost"):
            return None
        token = REPEATED_BY.set((options.get("headers") or {}).get(IDEMPOTENCY_KEY, ""))
        try:
            answer = self._request(method, path, api, options)
        except (Crash, Killed):
            world.lose_container()
            return None
        finally:
            REPEATED_BY.reset(token)
        return None if world.weather.strikes("answer_lost") else answer

    def _request(self, method: str, path: str, api: str, options: Mapping[str, Any]) -> HttpAnswer:
        client, began_at = self.client(api), self._world.clock.now()
        answer = client.request(method, path, **options)
        exchange = Exchange(method, path, client.endpoint_of(method, path), options, answer, began_at)
        for hear in self.heard:
            hear(exchange)
        return answer

    # -- sockets -------------------------------------------------------------------------------------------------

    def connect(self, headers: Mapping[str, str], line: Line, answered: Callable[[int, str], None]) -> None:
        """Open a socket: ``answered`` is told the status, and the connection's id."""
        world, connection_id = self._world, f"connection-{next(self._numbers)}"
        context = {
            "connectionId": connection_id,
            "connectedAt": int(world.clock.now().timestamp() * 1000),
            "requestId": f"request-{connection_id}",
            "identity": {"sourceIp": "198.51.100.9"},
        }
        event = {"requestContext": context, "multiValueHeaders": {name: [value] for name, value in headers.items()}}

        def done(status: int) -> None:
            if status == 200:
                self._sockets[connection_id] = _Socket(line, world.clock.now())
                world.timeline.after(IDLE_SECONDS, lambda: self._look_at(connection_id))
                world.timeline.after(LIFE_SECONDS, lambda: self._end(connection_id))
            world.timeline.after(0.05, lambda: answered(status, connection_id))

        self._handle("connect", event, done)

    def say(self, connection_id: str, frame: str) -> bool:
        """A frame over a socket; False if it is not open any more."""
        socket = self._sockets.get(connection_id)
        if socket is None:
            return False
        socket.used_at = self._world.clock.now()
        self._handle("message", {**_event(connection_id), "body": frame}, lambda _status: None)
        return True

    def close(self, connection_id: str) -> None:
        """A socket has ended at the machine's side. The gateway notices, and tells, in its own time."""

        def notice() -> None:
            if self._sockets.pop(connection_id, None) is not None:
                self._tell_the_end(connection_id)

        if connection_id in self._sockets:
            self._world.timeline.after(self._seconds_to_an_end(), notice)

    def drop(self, connection_id: str) -> None:
        """The gateway loses a connection; nobody but the machine may hear of it."""
        self._sockets[connection_id].line.hang_up()
        self.close(connection_id)

    @property
    def connections(self) -> list[str]:
        return sorted(self._sockets)

    def _look_at(self, connection_id: str) -> None:
        """End a socket that has carried nothing for too long; look again when another may have."""
        socket = self._sockets.get(connection_id)
        if socket is None:
            return
        left = IDLE_SECONDS - (self._world.clock.now() - socket.used_at).total_seconds()
        if left > 0:
            self._world.timeline.after(left, lambda: self._look_at(connection_id))
        else:
            self._end(connection_id)

    def _end(self, connection_id: str) -> None:
        """The gateway ends a socket by itself, and tells in its own time."""
        socket = self._sockets.pop(connection_id, None)
        if socket is not None:
            socket.line.hang_up()
            self._world.timeline.after(self._seconds_to_an_end(), lambda: self._tell_the_end(connection_id))

    def _seconds_to_an_end(self) -> float:
        weather = self._world.weather
        return weather.seconds("disconnect_late", *DISCONNECT_SECONDS) if weather.strikes("disconnect_late") else 0.2

    def _tell_the_end(self, connection_id: str) -> None:
        if not self._world.weather.strikes("disconnect_lost"):
            self._handle("disconnect", _event(connection_id), lambda _status: None)

    def _handle(self, name: str, event: Mapping[str, Any], done: Callable[[int], None]) -> None:
        world, deployed = self._world, function(f"websocket_{name}")
        deadline = world.clock.now() + timedelta(seconds=deployed.timeout_seconds)

        def work() -> None:
            status = 500
            try:
                world.clock.sleep(START_SECONDS)
                status = int(world.call(deployed.handler, event, Context(world.clock, deadline))["statusCode"])
            except Exception as error:  # noqa: BLE001 - API Gateway answers the handshake with an error of its own
                world.failures.append(f"{name}: {type(error).__name__}: {error}"[:300])
            finally:
                done(status)

        world.start(deployed.name, work, deadline=deadline)


def _event(connection_id: str) -> Mapping[str, Any]:
    return {"requestContext": {"connectionId": connection_id, "requestId": f"request-{connection_id}"}}


class _Posts(FakeSocketApi):
    """Posts to the sockets that are open."""

    def __init__(self, world: SimulatedWorld, sockets: dict[str, _Socket]) -> None:
        super().__init__()
        self._world, self._sockets = world, sockets

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> Any:  # noqa: N803 - boto3's names
        world = self._world
        if world.meet() and world.weather.strikes("post_refused"):
            raise refused("PostToConnection", "LimitExceededException")
        socket = self._sockets.get(ConnectionId)
        if socket is None:
            raise refused("PostToConnection", "GoneException")
        socket.used_at = world.clock.now()
        if not world.weather.strikes("wake_up_lost"):
            frame = Data.decode()
            seconds = [self._late("frame_late") or FRAME_SECONDS, self._late("frame_repeated")]
            for each in filter(None, seconds):
                world.timeline.after(each, lambda: socket.line.deliver(frame))

    def _late(self, fault: str) -> float | None:
        """How late the fault has a frame arrive; None where it does not strike."""
        weather = self._world.weather
        return weather.seconds(fault, *FRAME_LATE_SECONDS) if weather.strikes(fault) else None

    def delete_connection(self, *, ConnectionId: str) -> Any:  # noqa: N803 - boto3's names
        self._world.meet()
        socket = self._sockets.pop(ConnectionId, None)
        if socket is None:
            raise refused("DeleteConnection", "GoneException")
        self._world.timeline.after(0.05, socket.line.hang_up)
