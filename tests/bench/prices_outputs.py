"""What outputs beyond a result cost: stored in a bucket, and watched while they come."""

from functools import cache

from tests.bench import prices
from tests.bench.prices import GB, MILLION, Usage
from tests.bench.prices_world import PricedWorld
from tests.support.builders import a_cluster, a_command, machines
from tests.support.tails import AGENTS_SOCKET, OPERATORS_SOCKET, a_frame, open_socket, say, watchable

STORED_BYTES = 1_000_000
"""Of one output, compressed: some ten megabytes of log lines."""

KEPT_MONTHS = 30 / 30.4

HOUR_SECONDS = 3600
RENEW_SECONDS = 60
TEXT_BYTES = 24 * 1024


@cache
def stored_output() -> Usage:
    """One output, asked for by its agent, uploaded, looked for as its result comes, and kept for 30 days. What the
    result itself costs is in an execution."""
    world = PricedWorld()
    a_cluster(world)
    (machine,) = machines(world, 1)
    a_command(world)
    world.settle()
    client = world.client()
    waiting = client.get("/api/v1/agents/command_executions", query={"status": "pending"}, key=machine.token).data
    before = world.spent
    body = {"size": STORED_BYTES, "sha256": "ab" * 32}
    path = f"/api/v1/agents/command_executions/{waiting[0]['id']}/output"
    answer = client.post(path, json=body, key=machine.token)
    if answer.status != 201:
        raise ValueError(answer.text)
    bucket = Usage(object_writes=1, object_reads=1, object_gb_months=STORED_BYTES / GB * KEPT_MONTHS)
    return (world.spent - before) + bucket


@cache
def read_output() -> Usage:
    """One reader of such an output, by its URL."""
    return Usage(object_reads=2, egress_bytes=STORED_BYTES + prices.HEADERS.value)


@cache
def watched_hour() -> Usage:
    """An hour of watching a command that writes all the time: the most that one tail can cost."""
    world = PricedWorld()
    a_cluster(world)
    _, execution_id = watchable(world)
    client = world.client()
    start = world.spent
    answer = client.post(f"/api/v1/command_executions/{execution_id}/tail")
    if open_socket(world, answer.data["ticket"], OPERATORS_SOCKET) != 200:
        raise ValueError("the socket is refused")
    opened, tail_id = world.spent, answer.data["tail_id"]
    say(world, OPERATORS_SOCKET, {"type": "watch", "tail": tail_id})
    renewed = world.spent
    say(world, AGENTS_SOCKET, a_frame(tail_id, text="x" * TEXT_BYTES))
    frame = world.spent - renewed
    return (
        (opened - start)
        + (renewed - opened) * (HOUR_SECONDS / RENEW_SECONDS)
        + frame * HOUR_SECONDS
        + Usage(connection_minutes=HOUR_SECONDS / 60, egress_bytes=TEXT_BYTES * HOUR_SECONDS)
    )


def rows() -> dict[str, Usage]:
    """For the document."""
    megabyte = STORED_BYTES // 1_000_000
    return {
        f"a million whole outputs of {megabyte} MB, compressed, kept for 30 days": stored_output() * MILLION,
        f"a thousand downloads of one of {megabyte} MB": read_output() * 1000,
        "an hour of watching a command that never stops writing": watched_hour(),
    }
