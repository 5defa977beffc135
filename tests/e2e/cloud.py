"""What end-to-end tests share: waiting, sample agents, and the comparison of calls with grants."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from chalicelib.kit.queues import READ_BY_PEOPLE
from chalicelib.schema import ALL_TABLES
from infra.functions import FUNCTIONS, QueueSource, StreamSource
from infra.grants import GRANTS
from infra.local.agents import SampleAgent, SampleAgents
from infra.local.cloud import LocalCloud
from infra.local.operator_api import Operator
from infra.local.recorder import Call

PATIENCE_SECONDS = 60.0
"""Long: a cold start of every function in turn on a busy machine is still no failure."""

T = TypeVar("T")

_INDEXED = {table.name: [index.name for index in table.indexes] for table in ALL_TABLES}


def eventually(look: Callable[[], T], patience_seconds: float = PATIENCE_SECONDS) -> T:
    """The first answer that is true; fails when none comes."""
    deadline = time.monotonic() + patience_seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"waited {patience_seconds} s in vain, last answer {answer!r}"
        time.sleep(0.05)
    return answer


class Fleet:
    """One cluster and its agents, in a cloud that other tests use too. Names are the caller's to keep apart."""

    def __init__(self, operator: Operator, agents: SampleAgents, cluster: str) -> None:
        self.operator = operator
        self.cluster = cluster
        self._agents = agents
        operator.create_cluster(cluster)

    def enrol(self, count: int = 1, *arguments: str) -> list[SampleAgent]:
        """Start further agents with a key for just them, and wait until they are connected."""
        key = self.operator.create_enrollment_key(self.cluster, count)
        started = [self._agents.add(key) for _ in range(count)]
        for agent in started:
            agent.start(*arguments)
        for agent in started:
            eventually(lambda agent=agent: self.is_connected(agent))
        return started

    @staticmethod
    def is_connected(agent: SampleAgent) -> bool:
        """Whether its last word about its socket was that it is open."""
        words = [event["event"] for event in agent.events() if event["event"].startswith("websocket.")]
        return bool(words) and words[-1] == "websocket.connected"

    def run(self, text: str) -> str:
        """A new command for this cluster; returns its id."""
        targeting = {"type": "clusters", "cluster_names": [self.cluster]}
        body = {"command_text": text, "targeting": targeting}
        return str(self.operator.call("POST", "/api/v1/commands", body)["data"]["id"])

    def results_of(self, command_id: str, count: int) -> list[dict[str, object]]:
        """Its executions, once there are ``count`` and all are completed."""

        def finished() -> list[dict[str, object]]:
            executions = self.operator.executions_of(command_id)
            done = len(executions) == count and all(each["status"] == "completed" for each in executions)
            return executions if done else []

        return eventually(finished)


@contextmanager
def fleet(cloud: LocalCloud, cluster: str) -> Iterator[Fleet]:
    """A fleet of its own; its agents stop at the end."""
    with SampleAgents(cloud.folder) as agents:
        yield Fleet(Operator(cloud.url, cloud.master_key), agents, cluster)


def granted(prefix: str) -> set[Call]:
    """Every call that the grants allow, one per table or index. ``prefix`` is what deployed names begin with."""
    calls: set[Call] = set()
    for name, grants in GRANTS.items():
        for table, actions in grants.tables.items():
            for action in actions:
                calls |= {Call(name, f"dynamodb:{action}", prefix + place) for place in _places(table, action)}
        calls |= {Call(name, "sqs:SendMessage", f"{prefix}{queue}") for queue in grants.sends}
        counted = {*grants.counts, *(f"{queue}-dead" for queue in {*grants.counts} - READ_BY_PEOPLE)}
        calls |= {Call(name, "sqs:GetQueueAttributes", prefix + queue) for queue in counted}
        plain = {
            "events:PutEvents": grants.publishes,
            "secretsmanager:GetSecretValue": grants.reads_keys,
            "kms:Decrypt": grants.decrypts,
            "kms:GenerateDataKey": grants.makes_data_key,
            "execute-api:ManageConnections": grants.posts_to_sockets,
        }
        calls |= {Call(name, action) for action, is_granted in plain.items() if is_granted}
    return calls


def unused_grants(cloud: LocalCloud) -> set[tuple[str, str, str]]:
    """(function, action, table or queue) that is granted but was never used; an index counts for its table."""

    def wide(call: Call) -> tuple[str, str, str]:
        return call.function, call.action, call.resource.removeprefix(cloud.table_prefix).partition("/")[0]

    return {wide(call) for call in granted(cloud.table_prefix)} - {wide(call) for call in cloud.calls}


def started_functions(cloud: LocalCloud) -> set[str]:
    """The functions that queues and streams start, and that wrote something."""
    asked = [each.name for each in FUNCTIONS if isinstance(each.source, QueueSource | StreamSource)]
    return {name for name in asked if any(True for _ in cloud.function_logs(name))}


def _places(table: str, action: str) -> list[str]:
    """Where an action on a table happens: a query on each of its indexes, if it has any."""
    indexes = _INDEXED[table] if action == "Query" else []
    return [f"{table}/{index}" for index in indexes] or [table]
