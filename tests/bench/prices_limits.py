"""What breaks first as a fleet grows: AWS's quotas and the design's constants against what nodes ask for.

Rates follow from the same counts, habits and assumed times as the bill. Everything is for one account in one region
with default quotas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from chalicelib.fleet.commands.store import SHARDS
from chalicelib.fleet.nodes.health import SWEEP_PAGE
from chalicelib.fleet.nodes.rules import HealthLimits
from chalicelib.fleet.nodes.store import HEALTH_SHARDS
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.fleet.workers.check_health import BUDGET_SECONDS
from chalicelib.platform.context import QueueSource, StreamSource
from chalicelib.settings import Settings
from infra.functions import function
from infra.parameters import OPTIONS
from tests.bench import prices
from tests.bench.prices import Usage
from tests.bench.prices_activities import activities
from tests.bench.prices_agent import (
    BEAT_SECONDS,
    CONNECTED_POLL_SECONDS,
    HEALTH_REPORT_SECONDS,
    LISTS_AFTER_RECONNECT,
    LISTS_OF_AN_EXECUTION,
    SOCKET_LIFE_SECONDS,
)
from tests.bench.prices_model import looks_at_a_socket

FLEET = 1_000_000

PARTITION_WRITES = 1000
"""Write units a second of one partition key, of a table or an index (DynamoDB developer guide)."""

TABLE_WRITES = 40_000
"""Write units a second of an on-demand table, and of each index (DynamoDB service quotas)."""

NEW_TABLE_PARTITIONS = 4
"""An on-demand table begins with 4,000 write units a second: four partitions, so four shards of its stream."""

GATEWAY_REQUESTS = 10_000
"""Requests a second of an account in a region: REST, WebSocket and frames posted to sockets (API Gateway quotas)."""

GATEWAY_REQUESTS_IN_SMALL_REGIONS = 2_500
"""The same in 13 regions: Cape Town, Milan, Spain, Zurich, Jakarta, Hyderabad, Melbourne, Malaysia, Thailand, the
Emirates, Tel Aviv, Calgary, Mexico (API Gateway quotas)."""

REQUESTS_OF_AN_ENVIRONMENT = 10
"""A second, however short they are (Lambda quotas)."""

LOOK_PROCESSOR_MS = 0.33
"""Measured: an UpdateItem of botocore, on a whole processor and without TLS."""

NEW_SOCKETS = 500
"""New WebSocket connections a second of an account (API Gateway quotas)."""

ENVIRONMENTS = 1000
"""Functions at work at once in an account (Lambda quotas)."""

BUS_REQUESTS = 10_000
"""PutEvents a second in us-east-1, each of up to 10 events (EventBridge quotas)."""

RECORD_MS = 0.3
"""Assumed: the relay's own work on a record, on a whole processor."""

REST_CALLS_OF_AN_EXECUTION = LISTS_OF_AN_EXECUTION + 2
"""And its acknowledgement and its result."""

POSTS_OF_AN_EXECUTION = 2
RECORDS_OF_AN_EXECUTION = 3
"""Created, sent, completed; one change record, one unit in the index by command, one event each."""

STATUS_WRITES = 2
"""Units that one status' key of an index takes for each execution: it comes and it goes."""


@dataclass(frozen=True)
class Limit:
    """``room`` and what `FLEET` idle connected nodes ask for, both in ``unit``."""

    what: str
    unit: str
    room: float
    asked: float

    @property
    def carries(self) -> float:
        """Nodes for which the room is enough."""
        return FLEET * self.room / self.asked


def standing() -> list[Limit]:
    """What a fleet that has nothing to do asks for all the time, narrowest first."""
    limits = [
        Limit("health sweep: looks in its time", "looks a minute", looks_a_minute(), 60 * FLEET / look_every_seconds()),
        Limit("API Gateway: requests", "a second", GATEWAY_REQUESTS, FLEET * idle_requests_a_second()),
        Limit(
            "API Gateway: requests, in 13 small regions",
            "a second",
            GATEWAY_REQUESTS_IN_SMALL_REGIONS,
            FLEET * idle_requests_a_second(),
        ),
        Limit("API Gateway: new sockets", "a second", NEW_SOCKETS, FLEET / SOCKET_LIFE_SECONDS),
        Limit("Lambda: environments at once", "at once", ENVIRONMENTS, FLEET * idle_environments()),
        Limit(
            f"DynamoDB: {HEALTH_SHARDS} keys of the index health_due",
            "write units a second",
            HEALTH_SHARDS * PARTITION_WRITES,
            2 * FLEET / look_every_seconds(),
        ),
        Limit("DynamoDB: table presence", "write units a second", TABLE_WRITES, FLEET * idle_presence_writes()),
    ]
    return sorted(limits, key=lambda limit: limit.carries)


def of_a_command() -> list[tuple[str, float]]:
    """Executions a second that each step of one command for everybody lets through, narrowest first."""
    steps = [
        ("one webhook that hears of every end", webhook_deliveries_a_second()),
        (f"creation: {SHARDS} parts, each chunk after the other", created_a_second()),
        ("only with `rollout`: its row, a step for each end", rolled_out_a_second(1)),
        ("only with `rollout`: its row, a step for ten ends", rolled_out_a_second(10)),
        (f"index by_command: {SHARDS} keys", SHARDS * PARTITION_WRITES / RECORDS_OF_AN_EXECUTION),
        (f"index by_status: {SHARDS} keys of a status", SHARDS * PARTITION_WRITES / STATUS_WRITES),
        (f"relay: {NEW_TABLE_PARTITIONS} shards of a new table's stream", relayed_a_second() / RECORDS_OF_AN_EXECUTION),
        ("API Gateway: requests of agents, frames to them", GATEWAY_REQUESTS / gateway_calls_of_an_execution()),
        ("table executions, new: write units", NEW_TABLE_PARTITIONS * PARTITION_WRITES / 4),
        ("totals: one key for all shards of a counter", counted_a_second() / RECORDS_OF_AN_EXECUTION),
        ("EventBridge: PutEvents", BUS_REQUESTS * 10 / RECORDS_OF_AN_EXECUTION),
    ]
    return sorted(steps, key=lambda step: step[1])


def look_every_seconds() -> float:
    return SOCKET_LIFE_SECONDS / looks_at_a_socket(HealthLimits().connected_seconds, BEAT_SECONDS)


def looks_a_minute() -> float:
    """One after the other: a write each, two reads a page, and what these take of the sweep's part of a processor."""
    share = max(1.0, prices.WHOLE_PROCESSOR.value / function("check_health").memory_mb)
    look_ms = prices.WRITE_MS.value + 2 * prices.READ_MS.value / SWEEP_PAGE + LOOK_PROCESSOR_MS * share
    return BUDGET_SECONDS * 1000 / look_ms


def connected_polls_a_second() -> float:
    """None if a socket lives shorter than the pause before the next poll: the agent looks after every connect."""
    return 0.0 if CONNECTED_POLL_SECONDS >= SOCKET_LIFE_SECONDS else 1 / CONNECTED_POLL_SECONDS


def idle_requests_a_second() -> float:
    """Of one connected node."""
    return (
        1 / BEAT_SECONDS
        + connected_polls_a_second()
        + 1 / HEALTH_REPORT_SECONDS
        + (1 + LISTS_AFTER_RECONNECT) / SOCKET_LIFE_SECONDS
    )


def idle_environments() -> float:
    """Environments that one connected node needs, of all functions together."""
    each = activities()
    reconnects = 1 / SOCKET_LIFE_SECONDS
    polls = connected_polls_a_second() + 1 / HEALTH_REPORT_SECONDS + LISTS_AFTER_RECONNECT * reconnects
    return (
        _environments("api_handler", polls, each.poll_when_due)
        + _environments("websocket_message", 1 / BEAT_SECONDS, each.beat)
        + _environments("websocket_connect", reconnects, each.connect)
        + _environments("websocket_disconnect", reconnects, each.disconnect)
    )


def _environments(name: str, rate: float, usage: Usage) -> float:
    """For so many invocations a second: rate times duration, or what the quota of each environment asks for."""
    seconds = usage.lambda_gb_seconds / (function(name).memory_mb / 1024)
    return max(rate * seconds, rate / REQUESTS_OF_AN_ENVIRONMENT)


def idle_presence_writes() -> float:
    """Units of the table itself a second and node: when it is heard, when it is looked at."""
    return 1 / BEAT_SECONDS + connected_polls_a_second() + 1 / HEALTH_REPORT_SECONDS + 1 / look_every_seconds()


def created_a_second() -> float:
    """A worker creates a part of the fleet chunk by chunk, for as long as its function may."""
    reads = 4 * prices.READ_MS.value
    posts = ceil(CHUNK / 8) * prices.POST_MS.value
    chunk_ms = reads + prices.TRANSACTION_MS.value + prices.SEND_MS.value + posts + _own_ms("create_executions")
    return SHARDS * CHUNK / chunk_ms * 1000


def rolled_out_a_second(ends_of_a_step: int) -> float:
    """Steps of one rollout are made one after the other, each from its first read to its transaction: the command, the
    targets of what ended, their executions, the next targets, and their nodes."""
    return ends_of_a_step / (5 * prices.READ_MS.value + prices.TRANSACTION_MS.value) * 1000


def relayed_a_second() -> float:
    """Records of a stream with as many shards as a new table: a batch after the other in each."""
    source = function("relay_changes").source
    if not isinstance(source, StreamSource):
        raise TypeError(source)
    own_ms = _own_ms("relay_changes") * (1 + RECORD_MS * source.batch_size / prices.OWN_CODE.value)
    batch_ms = prices.READ_MS.value + 2 * prices.SEND_MS.value + prices.TRANSACTION_MS.value + own_ms
    return NEW_TABLE_PARTITIONS * source.batch_size / batch_ms * 1000


def webhook_deliveries_a_second() -> float:
    each = function("deliver_webhook")
    if not isinstance(each.source, QueueSource):
        raise TypeError(each.source)
    seconds = activities().delivery.lambda_gb_seconds / (each.memory_mb / 1024)
    return each.source.concurrency / seconds


def gateway_calls_of_an_execution() -> int:
    return REST_CALLS_OF_AN_EXECUTION + POSTS_OF_AN_EXECUTION


def counted_a_second() -> float:
    """Changes whose totals are moved: a transaction a batch, two units of each total's key; batches that are full."""
    return PARTITION_WRITES / 2 * 100


def deliveries_before_they_expire() -> float:
    """Of one webhook, from one burst: what comes later is older than events are delivered."""
    return webhook_deliveries_a_second() * Settings(_env_file=None).event_delivery_max_age_seconds


def reconnecting_minutes() -> float:
    """Until everybody has a socket again after all were lost."""
    return FLEET / NEW_SOCKETS / 60


def enrolling_hours() -> float:
    """Until everybody has enrolled, through the throttled public routes."""
    return FLEET / float(OPTIONS["PUBLIC_ROUTES_RATE"].default) / 3600


def _own_ms(name: str) -> float:
    return prices.OWN_CODE.value * max(1.0, prices.WHOLE_PROCESSOR.value / function(name).memory_mb)


def tables() -> str:
    """Both, for docs/limits.md."""
    lines = ["| what | room | 1,000,000 idle connected nodes ask for | carries |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {each.what} | {_round(each.room)} {each.unit} | {_round(each.asked)} | {_round(each.carries)} nodes |"
        for each in standing()
    ]
    lines += [
        "",
        "| step of one command for everybody | executions a second | 1,000,000 take |",
        "| --- | ---: | ---: |",
    ]
    lines += [f"| {what} | {_round(rate)} | {_round(FLEET / rate / 60)} min |" for what, rate in of_a_command()]
    extra: list[tuple[str, Callable[[], float], str]] = [
        ("deliveries to one webhook from one burst before they are too old", deliveries_before_they_expire, ""),
        ("all sockets of 1,000,000 nodes again after all were lost", reconnecting_minutes, " min"),
        ("enrolment of 1,000,000 nodes through the throttled public routes", enrolling_hours, " h"),
    ]
    lines += ["", "| what | |", "| --- | ---: |"]
    lines += [f"| {what} | {_round(value())}{unit} |" for what, value, unit in extra]
    return "\n".join(lines)


def _round(value: float) -> str:
    """Two digits that count: more would pretend."""
    if value <= 0:
        return "0"
    magnitude = 10 ** max(0, len(str(int(value))) - 2)
    return f"{round(value / magnitude) * magnitude:,}" if value >= 10 else f"{value:.1f}"
