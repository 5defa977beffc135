"""Where the time of a command goes: the way of the execution that ends last, cut into hops.

Nothing is added to what runs: writes are timed by the change streams (every row says when it was written), agents by
their logs, functions by their log lines, which the local cloud stamps some milliseconds after a function has ended. All
on one clock.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS
from chalicelib.kit.changes import Change, read_record
from chalicelib.kit.clock import parse_time
from chalicelib.kit.tables import Table
from chalicelib.kit.tables.wire import from_wire
from infra.functions import APP_NAME
from infra.local.agents import SampleAgent
from infra.local.cloud import LocalCloud
from infra.local.hops import agent_moments
from infra.local.options import STAGE
from tests.support.aws_clients import local_client

HOPS = ("API", "stream", "queue", "create", "wake-up", "fetch", "run", "report")
"""POST until the command is written; until the relay begins; until the worker begins; until the executions are written;
until the frame is there; until the agent has its work acknowledged; until the command has ended; until the result is
written. On the short way the executions are written with the command, and nothing passes from stream to create."""

_AFTER_EVERYTHING = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Run:
    """A command that was asked for, and when."""

    command_id: str
    asked: datetime


@dataclass(frozen=True)
class Journey:
    """How long a run took until its last execution was completed, and the hops of that one, in milliseconds."""

    total_ms: float
    hops_ms: Mapping[str, float]


@dataclass(frozen=True)
class Invocation:
    """One line of a function about something that it handled."""

    started: datetime
    request_id: str


class Timeline:
    """Everything that a cloud has written so far about commands and executions."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._started_at: dict[str, Change] = {
            str(change.row["command_id"]): change for change in _changes(cloud, FAN_OUTS) if change.old is None
        }
        self._executions: dict[str, dict[str, dict[str, datetime]]] = defaultdict(lambda: defaultdict(dict))
        self._node_of: dict[str, str] = {}
        for change in _changes(cloud, EXECUTIONS):
            row_id = str(change.row["id"])
            moments = self._executions[str(change.row["command_id"])][row_id]
            moments[change.operation] = parse_time(change.stamp("at"))
            self._node_of[row_id] = str(change.row["node_id"])
        self._relays = list(_invocations(cloud, "relay_changes"))
        self._creations: dict[str, list[datetime]] = defaultdict(list)
        for each in _invocations(cloud, "create_executions"):
            self._creations[each.request_id].append(each.started)

    def journey(self, run: Run, agents: Mapping[str, SampleAgent]) -> Journey:
        """Raises LookupError for a run of which something is missing. ``agents`` by node id."""
        executions = self._executions[run.command_id]
        row_id, written = max(
            executions.items(), key=lambda item: item[1].get("execution.completed", _AFTER_EVERYTHING)
        )
        logged = agent_moments(agents[self._node_of[row_id]], row_id)
        command = self._started_at[run.command_id]
        command_written = parse_time(command.stamp("at"))
        is_at_once = "made_with" in command.row
        moments = (
            run.asked,
            command_written,
            command_written if is_at_once else self._relayed_after(command_written),
            command_written if is_at_once else self._began_creating(command.request_id, written["execution.created"]),
            written["execution.created"],
            logged.get("execution.wake_up", written["execution.created"]),
            written["execution.sent"],
            logged["execution.finished"],
            written["execution.completed"],
        )
        return Journey(_ms(moments[0], moments[-1]), dict(zip(HOPS, _steps(moments), strict=True)))

    def _relayed_after(self, moment: datetime) -> datetime:
        return min(each.started for each in self._relays if each.started >= moment)

    def _began_creating(self, request_id: str, written: datetime) -> datetime:
        """When the copy began that wrote: a command is several messages, one for each part of the fleet."""
        return max((started for started in self._creations[request_id] if started <= written), default=written)


def _steps(moments: Sequence[datetime]) -> Iterator[float]:
    """The times between moments; one that was stamped out of order (to the millisecond) takes nothing."""
    reached = moments[0]
    for moment in moments[1:]:
        later = max(reached, moment)
        yield _ms(reached, later)
        reached = later


def _ms(since: datetime, until: datetime) -> float:
    return (until - since) / timedelta(milliseconds=1)


def _changes(cloud: LocalCloud, table: Table) -> Iterator[Change]:
    """The table's stream, from its beginning."""
    name = f"{cloud.table_prefix}{table.name}"
    arn = local_client(cloud.emulator_url, "dynamodb").describe_table(TableName=name)["Table"]["LatestStreamArn"]
    streams = local_client(cloud.emulator_url, "dynamodbstreams")
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            if not page["Records"]:
                break
            for record in page["Records"]:
                yield read_record({**record, "eventSourceARN": arn}, cloud.table_prefix, from_wire)
            iterator = page.get("NextShardIterator")


def _invocations(cloud: LocalCloud, function: str) -> Iterator[Invocation]:
    pages = local_client(cloud.emulator_url, "logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=f"/{APP_NAME}/{STAGE}/{function}"):
        for event in page["events"]:
            for line in event["message"].splitlines():
                fields: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
                if fields.get("event") == "handled":
                    ended = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    started = ended - timedelta(milliseconds=fields["milliseconds"])
                    yield Invocation(started, str(fields.get("request_id", "")))
