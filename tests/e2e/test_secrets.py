"""A script with a secret on a real agent: the value reaches the command, and is found nowhere else."""

import json
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from infra.local.agents import AGENT_FOLDER
from infra.local.sweeper import call_scheduled
from tests.e2e.cloud import eventually, fleet
from tests.support.aws_clients import local_client

VALUE = "hunter2-hunter2-hunter2"
SCRIPT = {
    "script_text": 'set -x; echo "${#PASSWORD} $PASSWORD"; echo "$EDGE_SECRETS"',
    "parameters": [{"name": "PASSWORD", "type": "string", "sensitive": True, "required": True}],
}

WITHOUT_SECRETS = """
from edge_agent import agent_api
agent_api._variables_of = lambda names: ()
"""
"""Makes of this agent one that does not know the field of an execution that names secrets."""


@pytest.fixture(scope="module")
def machines(cloud, tap):
    with fleet(cloud, "secrets") as found:
        yield found


@pytest.fixture(scope="module")
def api(machines):
    api = machines.api
    for value in ("the-first", VALUE):
        assert api.call("PUT", "/api/v1/secrets/vault-password", {"value": value}).status == 200
    assert api.call("PUT", "/api/v1/scripts/vault", SCRIPT).status == 200
    yield api
    assert api.call("DELETE", "/api/v1/scripts/vault").status == 204
    assert api.call("DELETE", "/api/v1/secrets/vault-password").status == 204
    assert api.call("GET", "/api/v1/secrets").data == []


def run(api, agent, **headers):
    body = {
        "secrets": {"PASSWORD": "vault-password"},
        "targeting": {"type": "nodes", "node_ids": [agent.node_id()]},
    }
    answer = api.call("POST", "/api/v1/scripts/vault/run", body, **headers)
    assert answer.status == 201, answer.text
    return answer.data["id"]


def test_secret_reaches_the_command_and_is_found_nowhere(cloud, machines, api, tap):
    [agent] = machines.enrol(1)
    [node] = [node for node in machines.nodes() if node["id"] == agent.node_id()]
    assert "environment" in node["features"]

    [execution] = machines.results_of(run(api, agent, idempotency_key="vault-1"), 1)
    assert execution["exit_code"] == 0
    # Also what the shell tells of its own steps.
    assert execution["output"].replace("'", "") == "+ echo 23 ***\n23 ***\n+ echo PASSWORD\nPASSWORD\n"

    schedule = {
        "name": "vault",
        "command": {
            "script": {"name": "vault", "secrets": {"PASSWORD": "vault-password"}},
            "targeting": {"type": "nodes", "node_ids": [agent.node_id()]},
        },
        "once_at": _soon(),
    }
    made = api.call("POST", "/api/v1/schedules", schedule)
    assert made.status == 201, made.text
    path = f"/api/v1/schedules/{made.data['id']}"
    [ran] = eventually(lambda: _minute(cloud) or api.call("GET", f"{path}/runs").data)
    assert ran["result"] == "created", ran
    assert machines.results_of(ran["command_id"], 1)[0]["output"] == execution["output"]
    assert api.call("DELETE", path).status == 204

    events = eventually(lambda: [each for each in tap.envelopes() if ran["command_id"] in json.dumps(each)])
    assert VALUE not in json.dumps(events)
    assert _rows_with(cloud, VALUE) == []
    assert [line for line in _lines(cloud) if VALUE in line] == []
    files = [path for path in agent.folder.rglob("*") if path.is_file()]
    assert any("journal" in path.name for path in files), files
    assert [path for path in files if VALUE.encode() in path.read_bytes()] == []


def test_agent_that_knows_no_secrets_runs_nothing_and_says_so(cloud, machines, api, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_SECRETS)
    [old] = machines.enrol(1, environment={"PYTHONPATH": f"{tmp_path}:{AGENT_FOLDER}"})
    [execution] = machines.results_of(run(api, old), 1)

    assert execution["exit_code"] == 78
    assert "update it" in execution["output"]
    assert "echo" not in execution["output"]


def test_secret_that_is_deleted_before_the_start_fails_the_execution(machines, api):
    [agent] = machines.enrol(1)
    agent.stop()
    command_id = run(api, agent)
    assert api.call("DELETE", "/api/v1/secrets/vault-password").status == 204
    agent.start()
    [execution] = machines.results_of(command_id, 1)
    assert api.call("PUT", "/api/v1/secrets/vault-password", {"value": VALUE}).status == 200

    assert execution["exit_code"] == 126
    assert "the secret 'vault-password' does not exist" in execution["output"]


def _soon():
    return (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _minute(cloud):
    call_scheduled(local_client(cloud.emulator_url, "lambda"), [cloud.function_name("sweep_commands")])


def _rows_with(cloud, text):
    """The tables and keys of rows that hold a text, or its bytes."""
    dynamodb = cloud.client("dynamodb")
    tables = chain.from_iterable(page["TableNames"] for page in dynamodb.get_paginator("list_tables").paginate())
    found = []
    for table in tables:
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            found += [(table, row) for row in page["Items"] if text in str(row) or repr(text.encode()) in str(row)]
    return found


def _lines(cloud):
    for group in cloud.client("logs").describe_log_groups()["logGroups"]:
        pages = cloud.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group["logGroupName"]):
            yield from (event["message"] for event in page["events"])
