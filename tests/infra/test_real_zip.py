"""The zip that goes to AWS, run by AWS's own runtime client in the functions' Python."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.kit.tables import Meter, Put
from chalicelib.kit.tables.dynamodb import DynamoDriver
from chalicelib.platform.context import QueueSource
from infra.deployables import CORE
from infra.libraries import PYTHON
from tests.bench.deployed import deployed_functions, environment_of
from tests.infra.log_patterns import ERROR_PATTERNS, matched
from tests.infra.runtime_client import FunctionFailed, rest_event
from tests.support.builders import a_command
from tests.support.callers import EXECUTIONS, enrolled, operator
from tests.support.emulator import create_tables
from tests.support.runtime_answer import MOST_BYTES, sent_bytes
from tests.support.world import World

AT_ONCE = 2
"""Functions that start at the same time: as many as small machines have cores."""

CYRILLIC = "журнал шахты"
KEY = {"Authorization": "Bearer bench"}


def test_handlers_are_imported_from_the_zip_alone(real_zip):
    """All in one process: what each imports by itself, tests/unit/project/test_import_budget.py says."""
    names = sorted({each.handler.rpartition(".")[0] for each in deployed_functions()})
    code = f"import importlib; print(len([*map(importlib.import_module, {names})]))"
    command = [real_zip.python, "-S", "-c", code]
    environment = dict(environment_of("api_handler"))
    done = subprocess.run(command, cwd=real_zip.code, env=environment, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == (f"{len(names)}\n", "")


# Slow: a process for each function, which lacks in the zip what they lack together.
@pytest.mark.slow
def test_handlers_start_from_the_zip_alone(real_zip):
    def start(deployed):
        with real_zip.start(deployed.handler, environment_of(deployed.function.name)):
            return deployed.function.name

    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = set(pool.map(start, deployed_functions()))

    assert started == {each.name for each in CORE.functions}


def test_handler_missing_from_the_zip_is_an_error_with_its_name(real_zip):
    function = real_zip.start("chalicelib.fleet.workers.missing.handler", environment_of(""))
    with pytest.raises(FunctionFailed, match=r"No module named 'chalicelib\.fleet\.workers\.missing'"), function:
        pass
    lines = [json.loads(line) for line in function.output.splitlines() if line.startswith("{")]
    assert [clause for pattern in ERROR_PATTERNS for line in lines if (clause := matched(pattern, line))] == [
        ("level", "ERROR"),
        ("level", "ERROR"),
    ]


def test_queue_worker_from_the_zip_reports_item_failures(real_zip):
    worker = next(each for each in deployed_functions() if isinstance(each.function.source, QueueSource))
    with real_zip.start(worker.handler, environment_of(worker.function.name)) as function:
        assert json.loads(function.invoke({"Records": []})) == {"batchItemFailures": []}


def test_api_from_the_zip_answers_requests_on_real_tables(real_zip, emulator):
    environment = environment_of("api_handler", emulator.url)
    create_tables(emulator.client("dynamodb"), CORE.tables, environment["TABLE_PREFIX"])
    command = json.dumps({"command_text": f"echo {CYRILLIC}", "targeting": {"type": "all"}})
    with real_zip.start("app.app", environment) as function:
        refused = json.loads(function.invoke(rest_event("GET", "/api/v1/commands")))
        made = json.loads(function.invoke(rest_event("POST", "/api/v1/commands", headers=KEY, body=command)))
        encoded = function.invoke(rest_event("GET", "/api/v1/commands", headers=KEY, query={"page_size": "10"}))
        page = json.loads(function.invoke(rest_event("GET", "/redoc")))

    assert [refused["statusCode"], made["statusCode"], page["statusCode"]] == [401, 201, 200]
    assert CYRILLIC.encode() in encoded  # the runtimes up to 3.11 write six bytes for each letter
    (row,) = json.loads(json.loads(encoded)["body"])["data"]
    assert row["command_text"] == f"echo {CYRILLIC}"
    assert page["headers"]["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CYRILLIC * 2600, id="words"),
        pytest.param(f'{{"text":"{CYRILLIC}"}}\n' * 1700, id="json", marks=pytest.mark.slow),
        pytest.param("\u2028ж" * 12_000, id="lines", marks=pytest.mark.slow),
    ],
)
def test_hundred_long_executions_fit_lambda_responses_of_polls_and_lists(real_zip, emulator, text):
    environment = environment_of("api_handler", emulator.url) | {"TABLE_PREFIX": f"large-{len(text)}-"}
    dynamodb = emulator.client("dynamodb")
    create_tables(dynamodb, CORE.tables, environment["TABLE_PREFIX"])
    deployed = DynamoDriver(dynamodb, environment["TABLE_PREFIX"], Meter())
    world = World()
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    (agent,) = enrolled(client, 1)
    commands = [a_command(world, text) for _ in range(100)]
    world.settle()

    with real_zip.start("app.app", environment) as function:
        _copy(world, deployed)
        query = {"status": "pending"}
        own_key = {"Authorization": f"Bearer {agent.token}"}
        polled = function.invoke(rest_event("GET", EXECUTIONS, headers=own_key, query=query))
        while waiting := agent.waiting():
            for execution_id in waiting:
                agent.acknowledge(execution_id)
                agent.report(execution_id, output=text, exit_code=0)
        _copy(world, deployed)
        listed = function.invoke(
            rest_event("GET", "/api/v1/command_executions", headers=KEY, query={"page_size": "100"})
        )

    assert max(len(polled), len(listed)) <= MOST_BYTES
    assert {row["command_text"] for row in _data(polled)} == {text}
    assert {row["command_id"] for row in _data(listed)} == {command.id for command in commands}
    for answer in (polled, listed):  # the formula that other tests count with
        assert abs(sent_bytes(json.loads(answer), ascii_only=False) - len(answer)) < 100


def _copy(world, deployed):
    for table in CORE.tables:
        for row in world.driver.rows(table):
            deployed.write(Put(table, row))


def _data(answer):
    whole = json.loads(answer)
    assert whole["statusCode"] == 200, whole["body"][:500]
    return json.loads(whole["body"])["data"]


def test_compiled_modules_match_the_python_of_the_functions(real_zip):
    compiled = {path.name.split(".")[-2] for path in real_zip.code.rglob("*.pyc")}

    assert compiled == {f"cpython-{PYTHON.replace('.', '')}"}
