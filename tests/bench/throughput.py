"""Executions created a second by the deployed worker, beside a bare loop over the same transactions.

Both run against a local cloud in this process, from the same number of other processes, on tables with the same
indexes; the worker with the client that it is deployed with, the loop with a plain one. The loop sends what the worker
sent, prepared beforehand, and does nothing else: no reading of targets, no deciding, no composing of rows.

To answer a Query the local cloud walks over the whole index, and keeps everybody else waiting while it does; DynamoDB
does not. So in the runs that count, the worker's queries get the bytes that the local cloud gave in the run before, at
once: asking and reading the answer is in the figure, the walk is not.
"""

import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.awsrequest import AWSResponse

from chalicelib import bootstrap
from chalicelib.bootstrap import platform_of
from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.nodes.store import SHARDS
from chalicelib.fleet.workers import create_executions
from chalicelib.kit import aws
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Meter
from chalicelib.kit.tables.dynamodb import DynamoDriver
from chalicelib.kit.tables.wire import to_wire
from tests.application.fleet.commands.fleet import command
from tests.support.aws_clients import REGION, local_client
from tests.support.declared import TABLES
from tests.support.emulator import Emulator, create_tables, running_emulator
from tests.support.large_world import large_world
from tests.support.world import World, sqs_record

PROCESSES = SHARDS
"""As many as there are parts: each keeps the pace of one of so many."""

ROUNDS = 3

ROWS_A_BATCH = 25
"""Of BatchWriteItem."""

Transaction = list[dict[str, Any]]
"""The TransactItems of one call."""

_TRANSACTIONS = "provide-client-params.dynamodb.TransactWriteItems"
"""botocore's event before it looks at the parameters."""

Answers = dict[bytes, AWSResponse]
"""What the local cloud answered to queries, by their bodies without the prefix of the tables."""


@dataclass(frozen=True)
class Outcome:
    """When a process began and ended, what it sent, and what its queries were answered."""

    began: float
    ended: float
    sent: list[Transaction]
    answers: Answers


@dataclass(frozen=True)
class Pace:
    """Executions a second: of the worker, and of the bare loop."""

    fan_out: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.fan_out / self.bare


def pace_of(fleet: int) -> Pace:
    """The best of each, by turns, after a round to warm up."""
    made = large_world(fleet, ["nodes"])
    command_id = command(made.world).id
    parts = [[f"shard#{shard}" for shard in range(place, SHARDS, PROCESSES)] for place in range(PROCESSES)]
    answers: list[Answers] = [{} for _ in parts]
    with (
        running_emulator() as emulator,
        multiprocessing.get_context("spawn").Pool(PROCESSES, _use_any_account) as pool,
    ):
        paces = []
        for turn in range(1 + ROUNDS):
            prefix, bare_prefix = f"{turn}-", f"{turn}-bare-"
            _prepare(emulator, prefix, made.world)
            tasks = [
                (emulator.url, prefix, command_id, mine, known) for mine, known in zip(parts, answers, strict=True)
            ]
            done = pool.map(_fan_out, tasks, chunksize=1)
            _prepare(emulator, bare_prefix, made.world)
            bare = pool.map(_bare, [(emulator.url, prefix, bare_prefix, one.sent) for one in done], chunksize=1)
            answers = [one.answers for one in done]
            created = sum("Put" in write for one in done for transaction in one.sent for write in transaction)
            if created != fleet:
                raise RuntimeError(f"{created} executions were made for {fleet} nodes")
            paces.append(Pace(created / _seconds(done), created / _seconds(bare)))
    return Pace(max(pace.fan_out for pace in paces[1:]), max(pace.bare for pace in paces[1:]))


def _use_any_account() -> None:
    """A local cloud takes every key; the SDK wants one."""
    os.environ.update({"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION})


def _prepare(emulator: Emulator, prefix: str, world: World) -> None:
    """The tables, with everything in them that the fake holds."""
    client = emulator.client("dynamodb")
    create_tables(client, TABLES, prefix)
    for table in TABLES:
        rows = world.driver.rows(table)
        for start in range(0, len(rows), ROWS_A_BATCH):
            puts = [{"PutRequest": {"Item": to_wire(row)}} for row in rows[start : start + ROWS_A_BATCH]]
            client.batch_write_item(RequestItems={f"{prefix}{table.name}": puts})


def _seconds(outcomes: Sequence[Outcome]) -> float:
    """From the first beginning to the last end."""
    return max(one.ended for one in outcomes) - min(one.began for one in outcomes)


def _fan_out(task: tuple[str, str, str, list[str], Answers]) -> Outcome:
    """The deployed handler works on some parts to their end. What it queues is handed over in memory."""
    url, prefix, command_id, parts, known = task
    client = aws.client("dynamodb", url)
    wire = _Wire(client, prefix, known)
    world = World()
    world.ids = Ids()
    world.driver = DynamoDriver(client, prefix, Meter())
    with bootstrap.serving(platform_of(world.platform.settings, world)):
        waiting: list[Any] = [{"command_id": command_id, "part": part} for part in parts]
        began = time.monotonic()
        while waiting:
            answer = create_executions.handler({"Records": [sqs_record(waiting.pop(0))]}, None)
            if answer["batchItemFailures"]:
                raise RuntimeError(f"the worker failed: {world.lines.texts[-1]}")
            waiting += world.queue_client.take(EXECUTION_CREATION)
        ended = time.monotonic()
    wire.leave()
    return Outcome(began, ended, wire.sent, wire.answers)


def _bare(task: tuple[str, str, str, list[Transaction]]) -> Outcome:
    """The same transactions to tables of another prefix."""
    url, prefix, other, transactions = task
    client = local_client(url, "dynamodb")
    for write in (write for transaction in transactions for write in transaction):
        for request in write.values():
            request["TableName"] = request["TableName"].replace(prefix, other, 1)
    began = time.monotonic()
    for transaction in transactions:
        client.transact_write_items(
            TransactItems=transaction, ClientRequestToken=uuid4().hex, ReturnConsumedCapacity="TOTAL"
        )
    return Outcome(began, time.monotonic(), [], {})


class _Wire:
    """Stands between a client and its connections: keeps what is sent, and answers queries that it knows."""

    def __init__(self, client: Any, prefix: str, known: Answers) -> None:
        self.sent: list[Transaction] = []
        self.answers: Answers = {}
        self._prefix = prefix.encode()
        self._known = known
        self._client = client
        self._endpoint = client._endpoint  # noqa: SLF001 - botocore has no public way to stand in for the network
        self._session = self._endpoint.http_session
        self._endpoint.http_session = self
        client.meta.events.register(_TRANSACTIONS, self._keep)

    def send(self, request: Any) -> Any:
        if not request.headers["X-Amz-Target"].endswith(b".Query"):
            return self._session.send(request)
        body = request.body.replace(self._prefix, b"")
        answer = self._known.get(body) or _whole(self._session.send(request))
        self.answers[body] = answer
        return answer

    def leave(self) -> None:
        """Let the client speak for itself again."""
        self._endpoint.http_session = self._session
        self._client.meta.events.unregister(_TRANSACTIONS, self._keep)

    def _keep(self, params: dict[str, Any], **_: Any) -> None:
        self.sent.append(params["TransactItems"])


def _whole(answer: AWSResponse) -> AWSResponse:
    """The same answer, read to its end."""
    kept = AWSResponse(answer.url, answer.status_code, dict(answer.headers), None)
    kept._content = answer.content  # noqa: SLF001 - botocore reads a body only from a connection
    return kept
