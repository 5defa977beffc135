"""Outputs beyond what a row holds: offered to agents, reported, read, and deleted with their executions."""

import pytest

from chalicelib.fleet.commands.output import object_key
from chalicelib.platform.access.permissions import KeyRole
from tests.application.fleet.commands.fleet import command, executions, fan_out
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.world import OUTPUTS, World

AGENTS = "/api/v1/agents/command_executions"
OPERATORS = "/api/v1/command_executions"
REF = "ab" * 32
SIZE = 3_000_000


@pytest.fixture
def agents(world):
    return machines(world, 2)


@pytest.fixture
def execution_id(world, agents):
    made = command(world)
    fan_out(world, made)
    return next(str(row["id"]) for row in executions(world) if row["node_id"] == agents[0].id)


def ask(client, execution_id, machine, **body):
    wanted = {"size": 1000, "sha256": REF, **body}
    return client.post(f"{AGENTS}/{execution_id}/output", json=wanted, key=machine.token)


def report(client, execution_id, machine):
    body = {"status": "completed", "exit_code": 0, "output": "head", "output_size": SIZE, "output_ref": REF}
    return client.patch(f"{AGENTS}/{execution_id}/result", json=body, key=machine.token)


def upload(world, execution_id):
    world.object_client.put_object(Bucket=OUTPUTS, Key=object_key(execution_id, REF), Body=b"compressed")


def test_upload_url_is_for_this_execution_size_and_content(world, client, agents, execution_id):
    offered = ask(client, execution_id, agents[0])
    assert offered.status == 201
    assert object_key(execution_id, REF) in offered.data["url"]
    asked = world.object_client.signed[-1]
    assert (asked["ContentLength"], asked["ChecksumSHA256"]) == (1000, offered.data["headers"]["x-amz-checksum-sha256"])


@pytest.mark.parametrize("body", [{"size": 0}, {"size": 16 * 1024 * 1024 + 1}, {"sha256": "../" + REF[3:]}], ids=str)
def test_upload_of_a_wrong_size_or_name_is_refused(client, agents, execution_id, body):
    assert ask(client, execution_id, agents[0], **body).status == 400


def test_upload_of_another_node_or_after_the_result_is_refused(client, agents, execution_id):
    assert ask(client, execution_id, agents[1]).status == 403
    report(client, execution_id, agents[0])
    assert ask(client, execution_id, agents[0]).status == 409


def test_server_without_a_bucket_offers_no_uploads():
    world = World(output_bucket="")
    a_cluster(world)
    [machine] = machines(world, 1)
    fan_out(world, command(world))
    [row] = executions(world)
    assert ask(operator(world), str(row["id"]), machine).status == 404


def test_stored_output_is_read_by_a_url(world, client, agents, execution_id):
    upload(world, execution_id)
    assert report(client, execution_id, agents[0]).status == 200
    shown = client.get(f"{OPERATORS}/{execution_id}").data
    assert (shown["output"], shown["output_size"], shown["output_truncated"]) == ("head", SIZE, True)
    whole = client.get(f"{OPERATORS}/{execution_id}/output").data
    assert (whole["output"], whole["is_whole"], whole["size"]) == (None, True, SIZE)
    assert object_key(execution_id, REF) in whole["url"]
    assert whole["url_expires_at"] == "2026-11-21T10:05:00Z"
    assert world.object_client.signed[-1]["ResponseContentEncoding"] == "gzip"


def test_output_that_did_not_arrive_is_listed_as_missing(client, agents, execution_id):
    report(client, execution_id, agents[0])
    whole = client.get(f"{OPERATORS}/{execution_id}/output").data
    assert (whole["output"], whole["is_whole"], whole["size"], whole["url"]) == ("head", False, SIZE, None)


def test_output_whose_object_has_expired_is_listed_as_missing(world, client, agents, execution_id):
    upload(world, execution_id)
    report(client, execution_id, agents[0])
    world.object_client.objects.clear()
    whole = client.get(f"{OPERATORS}/{execution_id}/output").data
    assert (whole["output"], whole["is_whole"], whole["url"]) == ("head", False, None)


def test_result_is_refused_for_now_while_the_store_is_away(world, client, agents, execution_id):
    world.object_client.fails_with = ""
    assert report(client, execution_id, agents[0]).status == 503
    world.object_client.fails_with = None
    assert report(client, execution_id, agents[0]).status == 200


def test_key_without_outputs_gets_no_whole_output(world, client, execution_id):
    key = world.key_with(role=KeyRole.VIEWER, outputs=False)
    assert client.get(f"{OPERATORS}/{execution_id}/output", key=key).status == 403


def test_deleted_execution_takes_its_stored_output_along(world, client, agents, execution_id):
    upload(world, execution_id)
    report(client, execution_id, agents[0])
    world.settle()
    world.clock.advance(1000)
    assert client.delete(f"{OPERATORS}/{execution_id}").status == 204
    assert world.object_client.objects
    world.settle()
    assert world.object_client.objects == {}
