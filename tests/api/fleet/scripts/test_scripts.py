"""Saved scripts over HTTP: every documented status, and what a run becomes."""

import pytest

from chalicelib.fleet.api.operator import commands, scripts
from chalicelib.fleet.scripts.store import SCRIPTS
from tests.support.builders import a_cluster, machines
from tests.support.client import Client
from tests.support.world import World

LIST = "/api/v1/scripts"
UNIT = {"name": "UNIT", "type": "enum", "values": ["nginx", "sshd"], "required": True}
BODY = {"script_text": 'systemctl restart "$UNIT"', "parameters": [UNIT]}
RUN = {"parameters": {"UNIT": "nginx"}, "targeting": {"type": "all"}}


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    machines(world, 1)
    return world


@pytest.fixture
def client(world):
    return Client([scripts.routes, commands.routes], world.fleet)


def save(client, name="restart", **fields):
    return client.request("PUT", f"{LIST}/{name}", json={**BODY, **fields})


def test_script_is_saved_shown_and_listed(client, world):
    saved = save(client)
    world.settle()

    assert saved.status == 200
    assert saved.data == {
        "name": "restart",
        "version": 1,
        "description": None,
        "script_text": BODY["script_text"],
        "parameters": [{**UNIT, "description": None, "default": None, "minimum": None, "maximum": None}],
        "inserted_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z",
    }
    assert client.get(f"{LIST}/restart").data == saved.data
    assert client.get(LIST, query={"name": "re*"}).data == [saved.data]


def test_saving_again_makes_a_version_only_if_something_changed(client):
    save(client)

    assert save(client).data["version"] == 1
    assert save(client, script_text="true").data["version"] == 2
    assert client.get(f"{LIST}/restart").data["version"] == 2


def test_run_is_a_command_that_keeps_its_text_when_the_script_goes(client, world):
    save(client)
    made = client.post(f"{LIST}/restart/run", json=RUN)
    deleted = client.delete(f"{LIST}/restart")
    world.settle()

    assert (made.status, deleted.status) == (201, 204)
    shown = client.get(made.headers["location"]).data
    assert shown["command_text"] == '# restart, version 1\nexport UNIT=nginx\nsystemctl restart "$UNIT"'
    assert shown["targets"] == 1
    assert world.driver.rows(SCRIPTS) == []


def test_wrong_values_are_refused_and_make_no_command(client):
    save(client)

    refused = client.post(f"{LIST}/restart/run", json={**RUN, "parameters": {"UNIT": "ftp"}})

    assert refused.status == 422
    assert set(refused.error["details"]) == {"parameters.UNIT"}
    assert client.get("/api/v1/commands").data == []


def test_run_takes_a_rollout_as_a_command_does(client):
    save(client)
    limits = {"max_concurrency": 1, "max_errors": "10%"}
    made = client.post(f"{LIST}/restart/run", json={**RUN, "rollout": limits})

    assert made.status == 201
    assert {name: made.data["rollout"][name] for name in limits} == limits


def test_parameters_that_contradict_themselves_are_refused(client):
    assert save(client, parameters=[{**UNIT, "values": []}]).status == 422


@pytest.mark.parametrize("name", ["Restart", "-x", "a" * 64])
def test_name_with_other_characters_is_refused(client, name):
    assert save(client, name).status == 400


def test_script_that_does_not_exist_is_404(client):
    assert client.get(f"{LIST}/nothing").status == 404
    assert client.delete(f"{LIST}/nothing").status == 404
    assert client.post(f"{LIST}/nothing/run", json=RUN).status == 404
