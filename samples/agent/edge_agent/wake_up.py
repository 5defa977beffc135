import asyncio
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from edge_agent.agent_api import readable
from edge_agent.backoff import Backoff
from edge_agent.enrollment import UNAUTHORIZED
from edge_agent.errors import NetworkError, WebSocketRefusedError, describe
from edge_agent.event_log import EventLog
from edge_agent.http_client import INSTANCE_HEADER
from edge_agent.intake import Intake
from edge_agent.ports.clock import Clock
from edge_agent.ports.network import Network, WebSocket
from edge_agent.session import Session

PING_SECONDS = 540.0  # API Gateway closes a socket that carried nothing for 10 minutes
PING_JITTER = 0.05
LIFE_SECONDS = (6600.0, 7100.0)  # API Gateway closes every socket after 2 hours
STEADY_SECONDS = 30.0
PING_FRAME = json.dumps({"type": "ping"})
NO_URL_SECONDS = 60.0
# An unknown token; blocked, or two machines with one identity: an operator has to act, and polls learn the reason.
REFUSALS = frozenset({UNAUTHORIZED, 403, 409})


class WakeUpSocket:
    """Holds the WebSocket over which the server announces new work.

    It only shortens delays: without a connection the intake polls. Frames of an unknown type, and frames that are not
    JSON objects, are ignored; `frames` maps further types to their handlers.
    """

    def __init__(
        self,
        *,
        session: Session,
        intake: Intake,
        frames: Mapping[str, Callable[[Mapping[str, Any]], None]],
        instance_id: str,
        network: Network,
        backoff: Backoff,
        slow_backoff: Backoff,
        clock: Clock,
        rng: random.Random,
        log: EventLog,
    ) -> None:
        self._session = session
        self._intake = intake
        self._frames = frames
        self._instance_id = instance_id
        self._network = network
        self._backoff = backoff
        self._slow_backoff = slow_backoff
        self._clock = clock
        self._rng = rng
        self._log = log
        self._connection: WebSocket | None = None

    async def send(self, frame: str) -> bool:
        """Send a frame to the server. False if there is no connection."""
        if self._connection is None:
            return False
        try:
            await self._connection.send(frame)
        except NetworkError:
            return False
        return True

    async def run(self) -> None:
        while True:
            await self._session.usable()
            identity = self._session.identity
            if identity.websocket_url is None:
                # The next registration may name one.
                await self._clock.sleep(NO_URL_SECONDS)
                continue
            opened_at = self._clock.monotonic()
            backoff = self._backoff
            try:
                await self._hold(identity.websocket_url, identity.api_token)
            except WebSocketRefusedError as error:
                self._log.write("websocket.refused", status=error.status)
                if error.status in REFUSALS:
                    backoff = self._slow_backoff
                if error.status == UNAUTHORIZED:
                    # Something on the way may have said so. A poll tells, and renews a token that is not known.
                    self._intake.list_now()
            except Exception as error:  # noqa: BLE001 - the peer may be anything
                self._log.write("websocket.lost", reason=describe(error))
            if self._clock.monotonic() - opened_at >= STEADY_SECONDS:
                self._backoff.reset()
                self._slow_backoff.reset()
            await self._clock.sleep(backoff.next_seconds())

    async def _hold(self, url: str, token: str) -> None:
        """Hold one connection until it closes or has lived long enough."""
        headers = {"Authorization": f"Bearer {token}", INSTANCE_HEADER: self._instance_id}
        async with self._network.web_socket(url, headers) as connection:
            self._log.write("websocket.connected")
            with self._announced(connection):
                life_seconds = self._rng.uniform(*LIFE_SECONDS)
                try:
                    async with self._clock.timeout(life_seconds):
                        await self._exchange(connection)
                except TimeoutError:
                    self._log.write("websocket.outlived")
                else:
                    self._log.write("websocket.closed")

    @contextmanager
    def _announced(self, connection: WebSocket) -> Iterator[None]:
        self._connection = connection
        self._intake.connected()
        try:
            yield
        finally:
            self._connection = None
            self._intake.disconnected()

    async def _exchange(self, connection: WebSocket) -> None:
        pings = asyncio.ensure_future(self._ping(connection))
        try:
            async for frame in connection:
                self._handle(frame)
        finally:
            pings.cancel()

    async def _ping(self, connection: WebSocket) -> None:
        # The reader notices the end of the connection too, and acts on it.
        with suppress(NetworkError):
            while True:
                await self._clock.sleep(PING_SECONDS * self._rng.uniform(1 - PING_JITTER, 1 + PING_JITTER))
                await connection.send(PING_FRAME)

    def _handle(self, frame: str | bytes) -> None:
        try:
            message = json.loads(frame)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            return
        if message["type"] in self._frames:
            self._frames[message["type"]](message)
        elif isinstance(message.get("ids"), list):
            self._handle_executions(message)

    def _handle_executions(self, message: Mapping[str, Any]) -> None:
        execution_ids = [execution_id for execution_id in message["ids"] if isinstance(execution_id, str)]
        if message["type"] == "executions":
            work = message.get("work")
            self._intake.wake_up(execution_ids, readable(work, self._log) if isinstance(work, list) else ())
        elif message["type"] == "cancel":
            self._intake.cancel_requested(execution_ids)
