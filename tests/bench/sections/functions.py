"""What a request costs in the functions themselves, without the store: microseconds through the deployed Chalice app.

The store is a tape: each request is asked once of the in-memory DynamoDB, and what that answered is given again in no
time, so its own cost is not in the figures; what the SDK's form of rows costs stands below. Beside each request a bare
Chalice route that returns the same bytes and headers, in turns with it, in processor time. Of many short rounds the
fastest counts: whatever else runs on the machine only adds (as in Python's timeit).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

from chalice.app import Chalice, Response

import app
from chalicelib import bootstrap
from chalicelib.bootstrap import platform_of
from chalicelib.fleet.commands.store import EXECUTIONS as TABLE
from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Log
from chalicelib.kit.tables.wire import from_wire, to_wire
from tests.bench.replay import ReplayDriver, StoppedClock
from tests.bench.report import Figure, wide_table
from tests.support.builders import Machine, a_cluster, a_command, machines
from tests.support.callers import EXECUTIONS
from tests.support.world import MASTER_KEY, World

TITLE = "The functions themselves"

ROUNDS, QUICK_ROUNDS = 150, 15
REQUESTS_PER_ROUND = 20
FLEET = 25
MOST_TIMES_BARE, MOST_TIMES_BARE_OF_LIST = 4, 12

Json = dict[str, Any]


class _Nowhere:
    """A log that costs what it costs to write the line."""

    def write(self, _: str) -> None:
        return

    def flush(self) -> None:
        return


@dataclass(frozen=True)
class Case:
    """A request, and how many times as long as the bare route it may take."""

    name: str
    event: Json
    target: float | None = None


def table(figures: Sequence[Figure]) -> str:
    return wide_table("request", figures)


def measure(*, quick: bool) -> Iterator[Figure]:
    world, machine = _world()
    source = world.driver
    execution_id = next(str(row["id"]) for row in source.rows(TABLE) if row["node_id"] == machine.id)
    tape = ReplayDriver(source)
    world.driver, world.clock, world.ids = tape, StoppedClock(world.clock.now()), Ids()
    world.log = Log(_Nowhere(), world.clock)
    with bootstrap.serving(platform_of(world.platform.settings, world)):
        for case in _cases(machine, execution_id):
            yield from _measured(case, tape, QUICK_ROUNDS if quick else ROUNDS)
    row = source.rows(NODES)[0]
    yield Figure(
        "a node's row to and from the SDK's form: microseconds",
        1e6 * _fastest(lambda: from_wire(to_wire(row)), 50),
        "us",
    )


def _world() -> tuple[World, Machine]:
    """A fleet with one command, waiting."""
    world = World()
    a_cluster(world)
    fleet = machines(world, FLEET)
    a_command(world)
    world.settle()
    return world, fleet[0]


def _cases(machine: Machine, execution_id: str) -> Iterator[Case]:
    yield Case(
        "get node", _event("GET", "/api/v1/nodes/{node_id}", MASTER_KEY, {"node_id": machine.id}), MOST_TIMES_BARE
    )
    yield Case("list of 20 nodes", _event("GET", "/api/v1/nodes", MASTER_KEY), MOST_TIMES_BARE_OF_LIST)
    waiting = _event("GET", EXECUTIONS, machine.token, query={"status": "pending"})
    yield Case("poll, one execution waits", waiting)
    nothing = _event("GET", EXECUTIONS, machine.token, query={"status": "sent"})
    yield Case("poll, nothing waits", nothing, MOST_TIMES_BARE)
    of_it = {"execution_id": execution_id}
    yield Case("acknowledge", _event("PATCH", f"{EXECUTIONS}/{{execution_id}}/acknowledge", machine.token, of_it))
    report = {"status": "completed", "output": "Linux\n", "exit_code": 0}
    yield Case(
        "report result", _event("PATCH", f"{EXECUTIONS}/{{execution_id}}/result", machine.token, of_it, body=report)
    )


def _measured(case: Case, tape: ReplayDriver, rounds: int) -> Iterator[Figure]:
    with tape.recording():
        answer = app.app(case.event, None)
    if answer["statusCode"] != 200:
        raise RuntimeError(f"{case.name} answered {answer['statusCode']}: {answer['body']}")
    bare = _bare(case.event, answer)

    def own() -> None:
        tape.rewind()
        app.app(case.event, None)

    # Of a round each, in turns; the fastest of all.
    pairs = [(_fastest(own, 1), _fastest(lambda: bare(case.event, None), 1)) for _ in range(rounds)]
    seconds, bare_seconds = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    yield Figure(f"{case.name}: microseconds", 1e6 * seconds, "us")
    yield Figure(f"{case.name}: a second", 1 / seconds, "requests/s")
    yield Figure(f"{case.name}: bare route, microseconds", 1e6 * bare_seconds, "us")
    yield Figure(f"{case.name}: times the bare route", seconds / bare_seconds, "times", case.target)


def _fastest(do: Callable[[], object], rounds: int) -> float:
    """Seconds of processor time of one call, in the fastest round."""
    found = []
    for _ in range(rounds):
        began = process_time()
        for _ in range(REQUESTS_PER_ROUND):
            do()
        found.append((process_time() - began) / REQUESTS_PER_ROUND)
    return min(found)


def _bare(event: Json, answer: Mapping[str, Any]) -> Chalice:
    """An app whose one route gives that answer."""
    bare = Chalice(app_name="bare")

    @bare.route(event["resource"], methods=[event["httpMethod"]], content_types=["*/*"])
    def view(**_: str) -> Response:
        return Response(answer["body"], dict(answer["headers"]), answer["statusCode"])

    return bare


def _event(
    method: str,
    route: str,
    key: str,
    variables: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Json | None = None,
) -> Json:
    """As API Gateway hands it over."""
    headers = {
        "Authorization": f"Bearer {key}",
        "Host": "api.example",
        "User-Agent": "bench",
        "Accept": "*/*",
        "X-Forwarded-For": "203.0.113.7",
        **({} if body is None else {"Content-Type": "application/json"}),
    }
    return {
        "resource": route,
        "path": route.format(**(variables or {})),
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": variables,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": route,
            "httpMethod": method,
            "identity": {"sourceIp": "203.0.113.7"},
            "requestId": "gateway-request",
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
