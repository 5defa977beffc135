import asyncio
import json
import random
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.enrollment import UNAUTHORIZED
from edge_agent.event_log import EventLog
from edge_agent.http_client import INSTANCE_HEADER
from edge_agent.intake import Intake
from edge_agent.proxies import proxy_for
from edge_agent.session import Session

PING_SECONDS = 540.0  # API Gateway closes a socket that carried nothing for 10 minutes
PING_JITTER = 0.05
LIFE_SECONDS = (6600.0, 7100.0)  # it closes every socket after 2 hours
STEADY_SECONDS = 30.0
PING_FRAME = json.dumps({"type": "ping"})
NO_LINK_SECONDS = 60.0
# For the peer's word at the end: one that has fallen silent holds up no stop.
CLOSE_SECONDS = 2.0
DEAD_AFTER_SECONDS = 120
# Kept out, or two machines with one identity: an operator's matter.
REFUSALS = frozenset({403, 409})


class WakeUpSocket:
    """Holds the WebSocket over which the server says that there is something to fetch.

    Only shortens the wait: while there is no connection, the intake polls. Frames of an unknown type, and what is no
    JSON object, are ignored; `frames` maps further types to what takes them.
    """

    def __init__(
        self,
        *,
        session: Session,
        intake: Intake,
        frames: Mapping[str, Callable[[Mapping[str, Any]], None]],
        instance_id: str,
        tls: ssl.SSLContext,
        proxies: Mapping[str, str],
        backoff: Backoff,
        slow_backoff: Backoff,
        clock: Clock,
        chance: random.Random,
        log: EventLog,
    ) -> None:
        self._session = session
        self._intake = intake
        self._frames = frames
        self._instance_id = instance_id
        self._tls = tls
        self._proxies = proxies
        self._backoff = backoff
        self._slow_backoff = slow_backoff
        self._clock = clock
        self._chance = chance
        self._log = log

    async def run(self) -> None:
        while True:
            await self._session.usable()
            identity = self._session.identity
            if identity.websocket_url is None:
                # A renewal may bring one.
                await asyncio.sleep(NO_LINK_SECONDS)
                continue
            opened_at = self._clock.monotonic()
            backoff = self._backoff
            try:
                await self._hold(identity.websocket_url, identity.api_token)
            except InvalidStatus as error:
                self._log.write("websocket.refused", status=error.response.status_code)
                if error.response.status_code == UNAUTHORIZED:
                    await self._session.renew(identity.api_token)
                elif error.response.status_code in REFUSALS:
                    # The intake, which polls meanwhile, finds out why.
                    backoff = self._slow_backoff
            except Exception as error:  # noqa: BLE001 - what answers may be anything
                self._log.write("websocket.lost", reason=type(error).__name__)
            if self._clock.monotonic() - opened_at >= STEADY_SECONDS:
                self._backoff.reset()
                self._slow_backoff.reset()
            await asyncio.sleep(backoff.next_seconds())

    async def _hold(self, url: str, token: str) -> None:
        """From opening to the end of one connection; returns when it has lived long enough."""
        proxy = proxy_for(url, self._proxies)
        proxy_tls: dict[str, Any] = {"proxy_ssl": self._tls} if proxy is not None and proxy.startswith("https:") else {}
        connection = await connect(
            url,
            additional_headers={"Authorization": f"Bearer {token}", INSTANCE_HEADER: self._instance_id},
            proxy=proxy,
            ssl=self._tls if url.startswith("wss:") else None,
            **proxy_tls,
            # A dead peer is found by TCP: the gateway would bill and count frames of ours.
            ping_interval=None,
            close_timeout=CLOSE_SECONDS,
        )
        async with connection:
            _keep_alive(connection)
            self._log.write("websocket.connected")
            with self._announced():
                life_seconds = self._chance.uniform(*LIFE_SECONDS)
                try:
                    async with asyncio.timeout(life_seconds):
                        await self._exchange(connection)
                except TimeoutError:
                    self._log.write("websocket.outlived")
                else:
                    self._log.write("websocket.closed")

    @contextmanager
    def _announced(self) -> Iterator[None]:
        self._intake.connected()
        try:
            yield
        finally:
            self._intake.disconnected()

    async def _exchange(self, connection: ClientConnection) -> None:
        pings = asyncio.ensure_future(self._ping(connection))
        try:
            async for frame in connection:
                self._handle(frame)
        finally:
            pings.cancel()

    async def _ping(self, connection: ClientConnection) -> None:
        # The reader sees the end of the connection too, and acts on it.
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(PING_SECONDS * self._chance.uniform(1 - PING_JITTER, 1 + PING_JITTER))
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
            self._intake.wake_up(execution_ids)
        elif message["type"] == "cancel":
            self._intake.cancel_requested(execution_ids)


def _keep_alive(connection: ClientConnection) -> None:
    """Let TCP probe a silent peer: a link that a NAT or a cell network dropped is noticed in about two minutes, also
    where something is under way that nobody acknowledges."""
    link = connection.transport.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    limits = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": DEAD_AFTER_SECONDS * 1000}
    for name, value in limits.items():
        if hasattr(socket, name):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
