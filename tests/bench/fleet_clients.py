"""Concurrent callers of a local cloud: operators and light agents, over HTTP."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import urllib3

from tests.support.builders import UNTOLD, a_registration

CLUSTER = "load"
CLIENTS = 16
AGENTS_OF_A_CLIENT = 4

ANSWER_SECONDS = 40.0
"""Longer than the gateway waits for a function."""

THROTTLED = 429
EXECUTIONS = "/api/v1/agents/command_executions"

Json = dict[str, Any]


class Caller:
    """One connection, one key. Counts its answers by status; an answer that never came counts as 0."""

    def __init__(self, url: str, key: str | None, statuses: Counter[int]) -> None:
        self._url = url
        self._key = key
        self._statuses = statuses
        self._pool = urllib3.PoolManager(maxsize=1, retries=False, timeout=ANSWER_SECONDS)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """The answer's body; ``{}`` for none and for a refusal."""
        headers = {} if self._key is None else {"Authorization": f"Bearer {self._key}"}
        try:
            answer = self._pool.request(method, self._url + path, json=body, headers=headers)
        except urllib3.exceptions.HTTPError:
            self._statuses[0] += 1
            return {}
        self._statuses[answer.status] += 1
        return dict(answer.json()) if answer.status < 300 and answer.data else {}

    def close(self) -> None:
        self._pool.clear()


class LightAgent:
    """A node that exists only as its id and token."""

    def __init__(self, url: str, blob: str, node_id: str, statuses: Counter[int], cluster: str = CLUSTER) -> None:
        """Enrols in the cluster, of which the key is. Raises LookupError if it is refused."""
        stranger = Caller(url, None, statuses)
        path = "/api/v1/agents/enrollment_keys/verify"
        token = stranger.call("POST", path, {"key": blob, "node_id": node_id})["data"]["netmaker_key"]
        said = a_registration(node_id, cluster).model_dump(mode="json", exclude=UNTOLD)
        said["version"] = said.pop("agent_version")
        answer = stranger.call("POST", "/api/v1/agents/nodes", {**said, "registration_token": token})
        stranger.close()
        self.node_id = node_id
        self.token = str(answer["data"]["api_token"])
        self.reported = 0
        self._api = Caller(url, self.token, statuses)

    def poll(self) -> None:
        """Take, run and report what is there."""
        for item in self._api.call("GET", f"{EXECUTIONS}?status=pending").get("data", ()):
            path = f"{EXECUTIONS}/{item['id']}"
            if self._api.call("PATCH", f"{path}/acknowledge"):
                result = {"status": "completed", "exit_code": 0, "output": "done\n"}
                self.reported += bool(self._api.call("PATCH", f"{path}/result", result))

    def beat(self) -> None:
        self._api.call("PATCH", "/api/v1/agents/nodes/me/health_check", {"status": "healthy"})

    def close(self) -> None:
        self._api.close()


class LoadClient:
    """One of the concurrent callers: an operator who also plays some agents of its own."""

    def __init__(self, number: int, url: str, key: str, agents: Sequence[LightAgent], statuses: Counter[int]) -> None:
        self._operator = Caller(url, key, statuses)
        self._agents = agents
        self._chance = random.Random(number)
        self._last_command = ""

    def run_until(self, deadline: float) -> None:
        """A mix of what operators and agents do. Times are of the monotonic clock."""
        actions: tuple[tuple[Callable[[], object], int], ...] = (
            (lambda: self._agent().poll(), 30),
            (lambda: self._agent().beat(), 10),
            (lambda: self._get(f"/nodes/{self._agent().node_id}"), 15),
            (lambda: self._get("/nodes?page_size=20"), 10),
            (lambda: self._get(f"/nodes?status=healthy&cluster_name={CLUSTER}"), 5),
            (lambda: self._get(f"/clusters/{CLUSTER}"), 10),
            (lambda: self._get(f"/command_executions?command_id={self._last_command}"), 5),
            (lambda: self._get("/commands"), 5),
            (self._give_command, 5),
            (self._change_key, 5),
        )
        choices, weights = zip(*actions, strict=True)
        self._give_command()
        while time.monotonic() < deadline:
            self._chance.choices(choices, weights)[0]()

    def close(self) -> None:
        self._operator.close()
        for agent in self._agents:
            agent.close()

    def drain(self) -> None:
        """Let each of its agents take what is left."""
        for agent in self._agents:
            agent.poll()

    def _agent(self) -> LightAgent:
        return self._chance.choice(self._agents)

    def _get(self, path: str) -> None:
        self._operator.call("GET", f"/api/v1{path}")

    def _give_command(self) -> None:
        targeting = {"type": "nodes", "node_ids": [agent.node_id for agent in self._agents]}
        answer = self._operator.call("POST", "/api/v1/commands", {"command_text": "true", "targeting": targeting})
        if answer:
            self._last_command = answer["data"]["id"]

    def _change_key(self) -> None:
        made = self._operator.call("POST", f"/api/v1/clusters/{CLUSTER}/enrollment_keys", {"uses_remaining": 1})
        if made:
            self._operator.call("DELETE", f"/api/v1/enrollment_keys/{made['data']['id']}")


def at_once(tasks: Sequence[Callable[[], object]]) -> None:
    """Run all in threads, and wait."""
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
