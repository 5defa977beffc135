"""The local cloud itself: the real template, the real roles, one command through everything."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.bench.fleet_processes import MemoryWatch
from tests.e2e.cloud import eventually, fleet, granted, started_functions
from tests.support.aws_clients import local_client


def test_command_runs_on_two_agents_through_the_whole_cloud(cloud, tap):
    with fleet(cloud, "smoke") as smoke:
        nodes = {agent.node_id() for agent in smoke.enrol(2)}
        results = smoke.results_of(smoke.run("printf 'out'; exit 3"), 2)

    assert {(each["output"], each["exit_code"]) for each in results} == {("out", 3)}
    assert {each["node_id"] for each in results} == nodes
    ids = {each["id"] for each in results}
    eventually(lambda: ids <= {_subject(each) for each in tap.envelopes() if each["type"].endswith(".completed")})
    assert {"relay_changes", "create_executions", "publish_events"} <= started_functions(cloud)
    assert cloud.function_failures() == []
    assert cloud.calls <= granted(cloud.table_prefix)


def test_gateway_refusal_has_the_error_envelope(cloud):
    request = urllib.request.Request(f"{cloud.url}/no/such/path", method="TRACE")
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request, timeout=30):
        pass

    with refused.value as answer:
        assert answer.code == 404
        assert json.loads(answer.read())["error"]["code"] == "not_found"


def test_socket_without_a_token_is_refused(cloud):
    with pytest.raises(InvalidStatus) as refused, connect(cloud.websocket_url):
        pass

    assert refused.value.response.status_code in {401, 403}


def test_function_role_without_a_grant_is_denied(cloud):
    """Otherwise a missing grant would show on AWS only."""
    role = local_client(cloud.emulator_url, "lambda").get_function_configuration(
        FunctionName=cloud.function_name("publish_events")
    )["Role"]
    granted_by_role = local_client(cloud.emulator_url, "sts").assume_role(RoleArn=role, RoleSessionName="test")[
        "Credentials"
    ]
    dynamodb = local_client(
        cloud.emulator_url,
        "dynamodb",
        aws_access_key_id=granted_by_role["AccessKeyId"],
        aws_secret_access_key=granted_by_role["SecretAccessKey"],
        token=granted_by_role["SessionToken"],
    )

    with pytest.raises(ClientError, match="AccessDenied"):
        dynamodb.get_item(TableName=f"{cloud.table_prefix}nodes", Key={"id": {"S": "x"}})


def test_scheduled_sweeps_run_and_log(cloud):
    cloud.sweep()

    for name in ("sweep_commands", "check_health", "recount"):
        assert any('"handled"' in line for line in cloud.function_logs(name)), name


def test_memory_watch_of_benchmarks_sees_functions_of_every_family(cloud):
    cloud.sweep()
    watch = MemoryWatch(cloud)
    for _ in range(4):
        watch.look()

    assert {"sweep_commands", "sweep_hosted_builds"} <= watch.growth().keys()


def _subject(envelope):
    return envelope["data"].get("command_execution_id")
