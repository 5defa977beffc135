"""What a container costs before its first answer: time and memory of every function, and the size of the package.

Every start is a fresh interpreter on what the package holds, in processor time. The yardsticks are starts of the same
libraries alone, in the same rounds; of several rounds the fastest counts, since whatever else runs only adds.

- *import*: the function's module, by the handler that Lambda loads, beside chalice, boto3 and pydantic imported alone.
- *ready*: the same where FUNCTION_NAME says so, as on Lambda: parts built and clients made, all that its invocations
  need. Beside it those three with one boto3 client for DynamoDB: what any function on DynamoDB has to do.
- *first request*: of a container that is ready, a read of one row; beside it a bare route that makes its client then.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from chalicelib.platform.context import VALUES
from infra.package import package
from tests.bench.deployed import LIBRARIES, Deployed, deployed_functions, environment_of, put_together
from tests.bench.package_size import sizes
from tests.bench.report import Figure, wide_table
from tests.bench.report import table as narrow_table
from tests.bench.starting import Start, empty_dynamodb, start

TITLE = "Cold start"

ROUNDS, QUICK_ROUNDS = 3, 1
QUICK_FUNCTIONS = ("api_handler", "deliver_commands")

APP_IMPORT_TARGET, APP_TARGET, WORKER_TARGET = 1.3, 1.8, 1.5

VALUES_TARGET = 1.8
"""Of workers that iterate over all contexts: the models of all rows come with the values."""

MOST_OF_MEMORY = 1 / 4
"""Of what a function has: the rest is for its work. The check of one password takes 64 MiB."""

_YARDSTICKS = {"libraries": "chalice, boto3, pydantic alone", "client": "and with a DynamoDB client"}

_ANOTHER = "another"
"""A function that prepares nothing. In a process that is none, the app would import all workers as well."""

_LIBRARIES = "import chalice.app, boto3, pydantic; from pydantic import BaseModel"
_CLIENT = f"{_LIBRARIES}; boto3.client('dynamodb')"
_ROUTE = """
import boto3
from chalice.app import Chalice
from functools import cache
app = Chalice('bare')
client = cache(lambda: boto3.client('dynamodb'))
@app.route('/nodes/{node_id}')
def node(node_id):
    return client().batch_get_item(RequestItems={'nodes': {'Keys': [{'id': {'S': node_id}}]}})['Responses']
event = {'requestContext': {'resourcePath': '/nodes/{node_id}', 'httpMethod': 'GET', 'identity': {}},
    'pathParameters': {'node_id': 'a'}, 'headers': {}, 'multiValueHeaders': {}, 'body': None,
    'multiValueQueryStringParameters': None, 'stageVariables': None, 'isBase64Encoded': False}
"""
_OWN = """
from app import app
event = {'requestContext': {'resourcePath': '/api/v1/nodes/{node_id}', 'httpMethod': 'GET', 'identity': {}},
    'pathParameters': {'node_id': '0192e4a0-0000-7000-8000-000000000001'}, 'body': None,
    'multiValueHeaders': {'Authorization': ['Bearer bench']}, 'headers': {'Authorization': 'Bearer bench'},
    'multiValueQueryStringParameters': None, 'stageVariables': None, 'isBase64Encoded': False}
"""
_REQUEST = "assert app(event, None)['statusCode'] in (200, 404)"


def table(figures: Sequence[Figure]) -> str:
    of_functions = [figure for figure in figures if ": " in figure.name]
    others = [figure for figure in figures if ": " not in figure.name]
    return f"{wide_table('function', of_functions)}\n\n{narrow_table(others)}"


def measure(*, quick: bool) -> Iterator[Figure]:
    functions = [each for each in deployed_functions() if not quick or each.function.name in QUICK_FUNCTIONS]
    with tempfile.TemporaryDirectory(prefix="edge-admin-start-") as name:
        folder = Path(name)
        put_together(folder)
        yield from _starts(functions, folder, QUICK_ROUNDS if quick else ROUNDS)
    if not quick:
        with tempfile.TemporaryDirectory(prefix="edge-admin-package-") as name:
            _, archive = package(Path(name), "bench", code_only=False)
            yield from sizes(archive)


def _starts(functions: Sequence[Deployed], folder: Path, rounds: int) -> Iterator[Figure]:
    found: dict[tuple[str, str], list[Start]] = {}
    for _ in range(rounds):
        for case, one in _round(functions, folder).items():
            found.setdefault(case, []).append(one)
    ready = {case: min(each.ready for each in starts) for case, starts in found.items()}
    for each in functions:
        name, target = each.function.name, _target_of(each)
        import_target = APP_IMPORT_TARGET if each.is_api else WORKER_TARGET
        imported, prepared = ready[name, "import"], ready[name, "ready"]
        yield Figure(f"{name}: import ms", imported, "ms")
        yield Figure(f"{name}: times libraries", imported / ready["libraries", ""], "times", import_target)
        yield Figure(f"{name}: ready ms", prepared, "ms")
        yield Figure(f"{name}: times libraries and client", prepared / ready["client", ""], "times", target)
        megabytes = max(one.megabytes for one in found[name, "ready"])
        yield Figure(f"{name}: MB", megabytes, "MB", each.function.memory_mb * MOST_OF_MEMORY)
    for case, kind in (("libraries", "import ms"), ("client", "ready ms")):
        yield Figure(f"{_YARDSTICKS[case]}: {kind}", ready[case, ""], "ms")
        yield Figure(f"{_YARDSTICKS[case]}: MB", max(one.megabytes for one in found[case, ""]), "MB")
    bare, own = found["route", ""], found["api_handler", "ready"]
    fastest = min(one.first for one in bare)
    yield Figure("first request of a bare route", fastest, "ms")
    yield Figure("first request of the API", min(one.first for one in own), "ms", fastest)
    yield Figure("second request of the API", min(one.second for one in own), "ms")


def _target_of(each: Deployed) -> float:
    """The most times libraries and client until it is ready."""
    if each.is_api:
        return APP_TARGET
    return VALUES_TARGET if VALUES in each.function.loads.split() else WORKER_TARGET


def _round(functions: Sequence[Deployed], folder: Path) -> dict[tuple[str, str], Start]:
    """Each case once."""
    starts: dict[tuple[str, str], Start] = {}
    with empty_dynamodb() as address:
        nobody = environment_of("", address)
        for case, load, request in (
            ("libraries", _LIBRARIES, ""),
            ("client", _CLIENT, ""),
            ("route", _ROUTE, _REQUEST),
        ):
            starts[case, ""] = start(load, request, Path(LIBRARIES), nobody)
        for each in functions:
            name, load = each.function.name, f"import {each.module}"
            starts[name, "import"] = start(load, "", folder, environment_of(_ANOTHER, address))
            request = _REQUEST if each.is_api else ""
            starts[name, "ready"] = start(_OWN if each.is_api else load, request, folder, environment_of(name, address))
    return starts
