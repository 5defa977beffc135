"""What end-to-end tests share: waiting, sample agents, and the comparison of calls with grants."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from chalicelib import families
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.platform.context import QueueSource, StreamSource
from infra.deployables import CORE
from infra.functions import functions_in
from infra.grants import grants_in
from infra.local.agents import SampleAgent, SampleAgents
from infra.local.cloud import LocalCloud
from infra.local.recorder import Call
from tests.e2e.api import Api
from tests.support.declared import TABLES

PATIENCE_SECONDS = 60.0
"""Long: a cold start of every function in turn on a busy machine is still no failure."""

FURTHER = "far"
"""The name of the one further stack that these tests deploy."""

Json = dict[str, Any]

T = TypeVar("T")

_INDEXED = {table.name: [index.name for index in table.indexes] for table in TABLES}
_QUERIED = {table.name for table in TABLES if table.queried}


def eventually(look: Callable[[], T], patience_seconds: float = PATIENCE_SECONDS) -> T:
    """The first answer that is true; fails when none comes."""
    deadline = time.monotonic() + patience_seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"waited {patience_seconds} s in vain, last answer {answer!r}"
        time.sleep(0.05)
    return answer


def logged(agent: SampleAgent, event: str, since: int = 0, **fields: object) -> list[Json]:
    """What an agent logged under that name, with these fields; ``since`` leaves out that many of its first lines."""
    entries = list(agent.events())[since:]
    return [entry for entry in entries if entry["event"] == event and fields.items() <= entry.items()]


def start_connected(agent: SampleAgent, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Start it, also once more, and wait until its socket is open."""
    known = len(list(agent.events()))
    agent.start(*arguments, environment=environment)
    eventually(lambda: logged(agent, "websocket.connected", since=known))


class Fleet:
    """One cluster, which is there, and its agents, in a cloud that other tests use too. Names are the caller's to keep
    apart."""

    def __init__(self, api: Api, agents: SampleAgents, cluster: str) -> None:
        self.api = api
        self.cluster = cluster
        self._agents = agents

    def new_key(self, uses: int = 1) -> Json:
        """An enrollment key for this cluster."""
        answer = self.api.call("POST", f"/api/v1/clusters/{self.cluster}/enrollment_keys", {"uses_remaining": uses})
        assert answer.status == 201, answer.text
        return dict(answer.data)

    def machine(self, key: str | None = None) -> SampleAgent:
        """A further agent, not yet started; with a key of its own unless one is given."""
        return self._agents.add(key or self.new_key()["key"])

    def enrol(self, count: int = 1, *arguments: str, environment: Mapping[str, str] | None = None) -> list[SampleAgent]:
        """Start further agents with a key for just them, and wait until they are connected."""
        key = self.new_key(count)["key"]
        started = [self._agents.add(key) for _ in range(count)]
        for agent in started:
            agent.start(*arguments, environment=environment)
        for agent in started:
            eventually(lambda agent=agent: logged(agent, "websocket.connected"))
        return started

    def nodes(self) -> list[Json]:
        return self.api.items(f"/api/v1/nodes?cluster_name={self.cluster}")

    def run(self, text: str, agent: SampleAgent | None = None, **more: object) -> str:
        """A new command for this cluster, or for one agent of it; returns its id."""
        targeting: Json = {"type": "clusters", "cluster_names": [self.cluster]}
        if agent is not None:
            targeting = {"type": "nodes", "node_ids": [agent.node_id()]}
        answer = self.api.call("POST", "/api/v1/commands", {"command_text": text, "targeting": targeting, **more})
        assert answer.status == 201, answer.text
        return str(answer.data["id"])

    def executions_of(self, command_id: str) -> list[Json]:
        return self.api.items(f"/api/v1/command_executions?command_id={command_id}")

    def results_of(self, command_id: str, count: int) -> list[Json]:
        """Its executions, once there are ``count`` and all are completed."""

        def is_finished() -> bool:
            executions = self.executions_of(command_id)
            assert len(executions) <= count, f"{len(executions)} executions, {count} expected"
            return len(executions) == count and all(each["status"] == "completed" for each in executions)

        eventually(is_finished)
        return self.executions_of(command_id)

    def only(self, command_id: str, status: str) -> Json:
        """The one execution of a command, once it is in that state."""

        def reached() -> Json | None:
            executions = self.executions_of(command_id)
            assert len(executions) <= 1
            return executions[0] if executions and executions[0]["status"] == status else None

        execution = eventually(reached)
        assert execution is not None
        return execution

    def disband(self) -> None:
        """Delete the nodes and the cluster."""
        for node in self.nodes():
            assert self.api.call("DELETE", f"/api/v1/nodes/{node['id']}").status == 204
        assert self.api.call("DELETE", f"/api/v1/clusters/{self.cluster}").status == 204


@contextmanager
def fleet(cloud: LocalCloud, cluster: str) -> Iterator[Fleet]:
    """A fleet of its own; at the end its agents stop, and nothing of it is left for the next test."""
    with closing(Api(cloud.url, cloud.master_key)) as api:
        assert api.call("POST", "/api/v1/clusters", {"name": cluster}).status == 201
        agents = SampleAgents(cloud.folder)
        made = Fleet(api, agents, cluster)
        try:
            yield made
        finally:
            agents.stop()
            made.disband()


_DEPLOYED = families.deployed("").each
_GRANTS = {each.name: grants_in(_DEPLOYED, each.name) for each in functions_in(_DEPLOYED)}
"""The grants of what the local cloud of these tests runs."""


def granted(prefix: str) -> set[Call]:
    """Every call that the grants allow, one per table or index. ``prefix`` is what deployed names begin with."""
    calls: set[Call] = set()
    for name, grants in _GRANTS.items():
        for table, actions in grants.tables.items():
            for action in actions:
                calls |= {Call(name, f"dynamodb:{action}", prefix + place) for place in _places(table, action)}
        calls |= {Call(name, "sqs:SendMessage", f"{prefix}{queue}") for queue in grants.sends}
        if grants.sends_to_owners:
            calls.add(Call(name, "sqs:SendMessage", f"{prefix}admin-{FURTHER}-{COMMAND_DELIVERY}"))
        counted = {*grants.counts, *(queue.dead_letters or queue for queue in grants.counts)}
        calls |= {Call(name, "sqs:GetQueueAttributes", prefix + queue) for queue in counted}
        plain = {
            "events:PutEvents": grants.publishes,
            "secretsmanager:GetSecretValue": grants.reads_keys,
            "kms:Decrypt": grants.decrypts,
            "kms:GenerateDataKey": grants.makes_data_key,
            "execute-api:ManageConnections": grants.posts_to_sockets,
            "kms:Sign": grants.signs,
            "kms:GetPublicKey": grants.reads_public_keys,
            "s3:GetObject": grants.hands_out_agent or bool(grants.buckets or grants.assembles),
            "s3:PutObject": bool(grants.buckets or grants.assembles),
            "s3:AbortMultipartUpload": bool(grants.assembles),
            "s3:ListMultipartUploadParts": bool(grants.assembles),
            "s3:ListBucket": bool(grants.assembles),
            "s3:ListBucketMultipartUploads": bool(grants.assembles),
            "s3:DeleteObject": bool(grants.empties),
        }
        calls |= {Call(name, action) for action, is_granted in plain.items() if is_granted}
    return calls


def unused_grants(cloud: LocalCloud) -> set[tuple[str, str, str]]:
    """(function, action, table or queue) that is granted but was never used; an index counts for its table."""

    def wide(call: Call) -> tuple[str, str, str]:
        return call.function, call.action, call.resource.removeprefix(cloud.table_prefix).partition("/")[0]

    return {wide(call) for call in granted(cloud.table_prefix)} - {wide(call) for call in cloud.calls}


def started_functions(cloud: LocalCloud) -> set[str]:
    """The functions of the core that queues and streams start, and that wrote something."""
    asked = [each.name for each in CORE.functions if isinstance(each.source, QueueSource | StreamSource)]
    return {name for name in asked if any(True for _ in cloud.function_logs(name))}


def _places(table: str, action: str) -> list[str]:
    """Where an action on a table happens: a query on each of its indexes, if it has any."""
    indexes = _INDEXED[table] if action == "Query" else []
    itself = [table] if not indexes or table in _QUERIED else []
    return [*itself, *(f"{table}/{index}" for index in indexes)]
