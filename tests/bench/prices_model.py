"""The bill of a month, put together from measured activities, prices and how often things happen."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from chalicelib import families
from chalicelib.fleet.nodes.rules import HealthLimits
from chalicelib.platform.context import QueueSource, ScheduleSource
from infra.deployables import deployables
from infra.fragment import fragment
from infra.functions import LambdaFunction
from infra.stateful import stateful_template
from tests.bench import prices
from tests.bench import prices_analytics as analytics
from tests.bench.prices import GB, MILLION, Usage
from tests.bench.prices_activities import activities
from tests.bench.prices_agent import (
    BEAT_SECONDS,
    CONNECTED_POLL_SECONDS,
    HEALTH_REPORT_SECONDS,
    LISTS_AFTER_RECONNECT,
    SOCKET_LIFE_SECONDS,
)
from tests.bench.prices_builds import build
from tests.bench.prices_instances import instances
from tests.bench.prices_logs import logged, socket_line_bytes

HOURS = prices.MONTH_HOURS.value
MINUTES = HOURS * 60
SECONDS = MINUTES * 60
DAYS = HOURS / 24

BEATS_SECONDS = tuple(dict.fromkeys((BEAT_SECONDS, 240.0, 120.0)))
POLLS_SECONDS = (60.0, 300.0)
FLEETS = (100, 10_000, 1_000_000)

POLLS_OF_SILENCE = 3
"""A polling node is given up after so many polls, at least: with `POLL_SECONDS` of 300 an installation has to raise
`NODE_UNREACHABLE_SECONDS`."""

SYSTEMS_MANAGER_USD_PER_HOUR = 0.00695
SYSTEMS_MANAGER_FREE_NODES = 1000


@dataclass(frozen=True)
class Server:
    """What a self-hosted server of the reference rents. Nobody's working time is in it."""

    what: str
    instance: str
    usd_per_hour: float
    disk_gb: float
    most_nodes: str


DISK_USD_PER_GB_MONTH = 0.08
ADDRESS_USD_PER_HOUR = 0.005

SERVERS = (
    Server("reference, lite: one admin on SQLite", "t3.medium", 0.0416, 30, "about 100"),
    Server("reference, standard: four admins, PostgreSQL, EMQX, Prometheus", "t3.xlarge", 0.1664, 100, "not stated"),
)
"""The reference's examples ask for 'a Linux server with Docker' and name no size: the instances are our guess."""


def server_usd(server: Server) -> float:
    return HOURS * (server.usd_per_hour + ADDRESS_USD_PER_HOUR) + server.disk_gb * DISK_USD_PER_GB_MONTH


SETS = tuple(families.NAMES[: place + 1] for place in range(len(families.NAMES)))
"""The sets of families that a stage may have, each with those of the one before."""

BY_DEFAULT = tuple(each.name for each in families.chosen(""))


@dataclass(frozen=True)
class Standing:
    """What a stage has that costs without being used, in all stacks of its families. ``queues`` are those that Lambda
    polls."""

    functions: tuple[LambdaFunction, ...]
    queues: int
    alarms: int
    keys: int
    secrets: int


@cache
def standing(names: tuple[str, ...]) -> Standing:
    """That of a stage with these families."""
    stacks = deployables(families.chosen(",".join(names)))
    templates = [fragment(each) for each in stacks]
    templates += [stateful_template(each, retain=True) for each in stacks if each.has_state]
    types = Counter(str(each.get("Type", "")) for template in templates for each in template["Resources"].values())
    functions = tuple(function for each in stacks for function in each.functions)
    return Standing(
        functions,
        queues=sum(isinstance(each.source, QueueSource) for each in functions),
        alarms=types["AWS::CloudWatch::Alarm"],
        keys=types["AWS::KMS::Key"],
        secrets=types["AWS::SecretsManager::Secret"],
    )


def at_rest(names: tuple[str, ...] = BY_DEFAULT) -> dict[str, Usage]:
    """A month of a stage with these families, without a node."""
    ticks, it = activities().ticks, standing(names)
    scheduled = [(each, each.source.every) for each in it.functions if isinstance(each.source, ScheduleSource)]
    runs = {each: SECONDS / every.total_seconds() for each, every in scheduled}
    schedules = sum((ticks[each.name] * times for each, times in runs.items()), Usage())
    renewals = HOURS / prices.ENVIRONMENT_LIFE.value
    kept_warm = [each for each, times in runs.items() if times >= MINUTES]
    cold = Usage(
        lambda_gb_seconds=sum(each.memory_mb for each in kept_warm) / 1024 * prices.COLD_START_MS.value / 1000,
        secret_calls=len(kept_warm),
        kms_calls=len(kept_warm),
    )
    polls = SECONDS / prices.POLL_WAIT.value * prices.IDLE_POLLERS.value
    return {
        "schedules": schedules,
        "environments that begin anew": cold * renewals,
        f"Lambda's polls of {it.queues} idle queues": Usage(sqs_requests=polls * it.queues),
        f"{it.alarms} alarms": Usage(alarm_months=it.alarms),
        f"{it.keys} keys": Usage(key_months=it.keys),
        f"{it.secrets} secret": Usage(secret_months=it.secrets),
    }


@dataclass(frozen=True)
class Habits:
    """What a connected node with nothing to do does, and what the server does about it."""

    beat_seconds: float = BEAT_SECONDS
    poll_seconds: float = CONNECTED_POLL_SECONDS
    health_report_seconds: float = HEALTH_REPORT_SECONDS
    silence_seconds: float = HealthLimits().connected_seconds
    lists_on_reconnect: int = LISTS_AFTER_RECONNECT
    beats_reach_a_function: bool = True
    has_platform_log: bool = False


def idle_connected(habits: Habits | None = None) -> dict[str, Usage]:
    """A month of a node that is connected and has nothing to do."""
    each, its = activities(), habits or Habits()
    reconnect = each.disconnect + each.connect + each.poll_pending * its.lists_on_reconnect
    beat = each.beat if its.beats_reach_a_function else Usage(socket_messages=1) + logged(socket_line_bytes())
    heard_seconds = its.beat_seconds if its.beats_reach_a_function else its.poll_seconds
    # A poll or a look that a new socket puts off each time never happens.
    polls = SECONDS / its.poll_seconds if its.poll_seconds < SOCKET_LIFE_SECONDS else 0.0
    looks = SECONDS / SOCKET_LIFE_SECONDS * looks_at_a_socket(its.silence_seconds, heard_seconds)
    parts = {
        "connection minutes": Usage(connection_minutes=MINUTES),
        f"a beat every {its.beat_seconds:,.0f} s": beat * (SECONDS / its.beat_seconds),
        f"a poll every {its.poll_seconds:,.0f} s": each.poll_when_due * polls,
        f"a report of health every {its.health_report_seconds:,.0f} s": each.health_report
        * (SECONDS / its.health_report_seconds),
        "looks of the health sweep": each.look_connected * looks,
        f"a new socket every {SOCKET_LIFE_SECONDS:,.0f} s": reconnect * (SECONDS / SOCKET_LIFE_SECONDS),
        "rows": stored(each.node_bytes),
    }
    return {what: with_platform_log(usage) for what, usage in parts.items()} if its.has_platform_log else parts


def with_platform_log(usage: Usage) -> Usage:
    return usage + logged(usage.lambda_requests * prices.PLATFORM_LOG.value)


def other_habits() -> dict[str, Habits]:
    """What an idle connected node would cost with one thing done otherwise."""
    now = Habits()
    return {
        "as it is": now,
        "if it also polled, every 300 s": replace(now, poll_seconds=300.0),
        "if it repeated every 30 min that it is healthy": replace(now, health_report_seconds=1800.0),
        "if it asked for `sent` too after each reconnect": replace(now, lists_on_reconnect=2),
        "if the sweep looked after a beat's silence, 660 s": replace(now, silence_seconds=660.0),
        "if Lambda wrote START, END and REPORT": replace(now, has_platform_log=True),
        "if API Gateway answered beats itself (a mock route), and it polled every hour": replace(
            now, poll_seconds=3600.0, beats_reach_a_function=False
        ),
    }


def idle_polling(poll_seconds: float) -> dict[str, Usage]:
    """A month of a node that only polls and has nothing to do."""
    each = activities()
    silence = max(HealthLimits().unreachable_seconds, POLLS_OF_SILENCE * poll_seconds)
    return {
        f"a poll every {poll_seconds:.0f} s": each.poll_when_due * (SECONDS / poll_seconds),
        f"a report of health every {HEALTH_REPORT_SECONDS:.0f} s": each.health_report
        * (SECONDS / HEALTH_REPORT_SECONDS),
        "looks of the health sweep": each.look_polling * (SECONDS / looked_at_every(silence, poll_seconds)),
        "rows": stored(each.node_bytes),
    }


def looks_at_a_socket(silence_seconds: float, heard_every_seconds: float) -> int:
    """How often a new socket's node is looked at before the next one: opening it puts the first look off, and each look
    the next one to the silence limit after it was last heard."""
    looks, due = 0, silence_seconds
    while due < SOCKET_LIFE_SECONDS:
        looks += 1
        due = due // heard_every_seconds * heard_every_seconds + silence_seconds
    return looks


def looked_at_every(silence_seconds: float, heard_every_seconds: float) -> float:
    """How far the sweep moves a node's due time: to the silence limit after it was last heard before the due time."""
    return max(1, silence_seconds // heard_every_seconds) * heard_every_seconds


def stored(size_bytes: float) -> Usage:
    """A month of so much, with its backups."""
    return Usage(stored_gb_months=size_bytes / GB, backup_gb_months=size_bytes / GB)


def total(parts: Mapping[str, Usage]) -> Usage:
    return sum(parts.values(), Usage())


def per_million() -> dict[str, Usage]:
    """What a million of something adds."""
    each = activities()
    return {
        "executions on connected nodes": each.execution_connected * MILLION,
        "executions on connected nodes, on the long way": each.execution_long_way * MILLION,
        "executions on connected nodes, in waves": each.execution_in_waves * MILLION,
        "executions on polling nodes": each.execution_polling * MILLION,
        "executions with secrets, on top": each.secrets * MILLION,
        "executions kept for a month": stored(each.execution_bytes * MILLION),
        "webhook deliveries": each.delivery * MILLION,
        "pushes of metrics": each.metrics_push * MILLION,
        "reads of raw metrics": each.metrics_read * MILLION,
        "enrolments": each.enrolment * MILLION,
        "instances, from the request until they run": instances().made * MILLION,
        "instances, from their deletion until they are gone": instances().ended * MILLION,
        "builds of hosted nodes, beside their instances": build() * MILLION,
        "analytics events, each by itself": analytics.event() * MILLION,
        "analytics events kept for a month": stored(analytics.event_bytes() * MILLION),
    }


def fleet(nodes: int, commands_a_day: float = 0.0) -> Usage:
    """A month of connected nodes; each command goes to all, and a webhook hears of every end. Kept for 30 days."""
    each = activities()
    executions = nodes * commands_a_day * DAYS
    work = (each.execution_connected + each.delivery) * executions + stored(each.execution_bytes * executions)
    return total(at_rest()) + total(idle_connected()) * nodes + work


def systems_manager_usd(nodes: int) -> float:
    """Advanced tier: every hybrid-activated node of the account's region, once it is switched on."""
    return nodes * SYSTEMS_MANAGER_USD_PER_HOUR * HOURS
