"""Many nodes in one process that speak the agents' protocol: a WebSocket, lists, acknowledgements and results."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, TCPConnector

from chalicelib.kit.clock import SystemClock
from chalicelib.kit.ids import Ids
from tests.bench.fleet_clients import LightAgent

ENROLLING_AT_ONCE = 8
EXECUTIONS = "/api/v1/agents/command_executions"
LONGEST_PAUSE = 8.0
ANSWER_SECONDS = 120.0
"""Long: at the front door of a local cloud four requests are let through at a time."""

_MARK = re.compile(r"run-\d+")
_OK = 200
_GONE = frozenset({404, 409})


class LightNode:
    """``runs`` counts each command that it has run, by its mark."""

    def __init__(self, session: ClientSession, url: str, websocket_url: str, enrolled: LightAgent) -> None:
        self._session = session
        self._url = url
        self._websocket_url = websocket_url
        self.node_id = enrolled.node_id
        self._headers = {"Authorization": f"Bearer {enrolled.token}"}
        self._chance = random.Random(enrolled.node_id)
        self._socket: ClientWebSocketResponse | None = None
        self._ran: set[str] = set()
        self.runs: Counter[str] = Counter()
        self.connected_at = 0.0

    async def connect(self) -> None:
        """Open its socket, trying again as an agent does."""
        pause = 0.5
        while True:
            try:
                self._socket = await self._session.ws_connect(self._websocket_url, headers=self._headers)
            except (ClientError, TimeoutError):
                await asyncio.sleep(self._chance.uniform(0, pause))
                pause = min(LONGEST_PAUSE, 2 * pause)
            else:
                self.connected_at = time.monotonic()
                return

    async def break_off(self) -> None:
        """Lose the connection."""
        if self._socket is not None:
            await self._socket.close()

    async def work(self) -> None:
        """Take, run and report what waits for it."""
        for status in ("pending", "sent"):
            for item in (await self._ask("GET", f"{EXECUTIONS}?status={status}", {_OK})).get("data", ()):
                await self._run(item, is_new=status == "pending")

    async def _run(self, item: dict[str, Any], *, is_new: bool) -> None:
        path = f"{EXECUTIONS}/{item['id']}"
        if is_new:
            await self._ask("PATCH", f"{path}/acknowledge", {_OK, *_GONE})
        if item["id"] not in self._ran:
            self._ran.add(item["id"])
            self.runs.update(_MARK.findall(item["command_text"]))
        result = {"status": "completed", "exit_code": 0, "output": "done\n"}
        await self._ask("PATCH", f"{path}/result", {_OK, *_GONE}, result)

    async def _ask(self, method: str, path: str, final: set[int], body: object = None) -> dict[str, Any]:
        """The body of an answer with one of these statuses; asks again until there is one."""
        pause = 0.5
        while True:
            try:
                async with self._session.request(method, self._url + path, headers=self._headers, json=body) as answer:
                    if answer.status in final:
                        return dict(await answer.json())
            except (ClientError, TimeoutError):
                pass
            await asyncio.sleep(self._chance.uniform(0, pause))
            pause = min(LONGEST_PAUSE, 2 * pause)


def enrolled(url: str, key: str, count: int, cluster: str) -> list[LightAgent]:
    """So many new nodes with this enrollment key, which is of that cluster."""
    ids, clock = Ids(), SystemClock()

    def one(_: int) -> LightAgent:
        return LightAgent(url, key, ids.uuid7(clock.now()), Counter(), cluster)

    with ThreadPoolExecutor(ENROLLING_AT_ONCE) as pool:
        return list(pool.map(one, range(count)))


async def reconnect_all(url: str, websocket_url: str, agents: list[LightAgent], away: Callable[[], None]) -> "Rush":
    """Connect all, break all connections, do ``away``, then let all come back at once and do their work."""
    connector, timeout = TCPConnector(limit=0), ClientTimeout(total=ANSWER_SECONDS)
    async with ClientSession(connector=connector, timeout=timeout) as session:
        nodes = [LightNode(session, url, websocket_url, agent) for agent in agents]
        await asyncio.gather(*(node.connect() for node in nodes))
        await asyncio.gather(*(node.break_off() for node in nodes))
        await asyncio.to_thread(away)
        began = time.monotonic()
        await asyncio.gather(*(node.connect() for node in nodes))
        connected = max(node.connected_at for node in nodes) - began
        await asyncio.gather(*(node.work() for node in nodes))
        done = time.monotonic() - began
        await asyncio.gather(*(node.break_off() for node in nodes))
    return Rush(connected, done, {node.node_id: node.runs for node in nodes})


class Rush:
    """How long it took until the last was connected, and until the last had reported; and what ran where."""

    def __init__(self, connected_seconds: float, done_seconds: float, runs: dict[str, Counter[str]]) -> None:
        self.connected_seconds = connected_seconds
        self.done_seconds = done_seconds
        self.runs = runs
