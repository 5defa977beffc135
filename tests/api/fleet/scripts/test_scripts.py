"""Saved scripts over HTTP: every documented status, and what a run becomes."""

import pytest

from chalicelib.fleet.api.operator import command_retries, commands, scripts
from chalicelib.fleet.commands.store import COMMANDS
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
    return Client([scripts.routes, commands.routes, command_retries.routes], world.fleet)


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
        "parameters": [
            {
                **UNIT,
                **dict.fromkeys(("description", "default", "minimum", "maximum", "pattern", "secret")),
                "sensitive": False,
            }
        ],
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
    assert shown["script"] == {"name": "restart", "version": 1}
    assert world.driver.rows(SCRIPTS) == []


def test_commands_are_found_by_the_script_that_they_run(client, world):
    save(client)
    made = client.post(f"{LIST}/restart/run", json=RUN).data
    client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}})
    world.settle()

    assert [row["id"] for row in client.get("/api/v1/commands", query={"script_name": "rest*"}).data] == [made["id"]]
    assert client.get("/api/v1/commands", query={"script_name": "other"}).data == []


def test_retry_of_a_run_is_of_the_script_unless_its_text_is_corrected(client, world):
    save(client)
    run = client.post(f"{LIST}/restart/run", json=RUN).data
    world.settle()
    client.post(f"/api/v1/commands/{run['id']}/cancel")
    world.settle()
    retry = f"/api/v1/commands/{run['id']}/retry"

    again = client.post(retry, json={"outcomes": ["cancelled"]}).data
    corrected = client.post(retry, json={"outcomes": ["cancelled"], "command_text": "true"}).data

    assert (again["command_text"], again["script"]) == (run["command_text"], run["script"])
    assert corrected["script"] is None


def test_value_that_does_not_match_its_pattern_is_refused(client):
    path = {"name": "PATHNAME", "type": "string", "pattern": "/srv/[a-z]+"}
    assert save(client, parameters=[path]).data["parameters"][0]["pattern"] == "/srv/[a-z]+"

    refused = client.post(f"{LIST}/restart/run", json={**RUN, "parameters": {"PATHNAME": "/srv/a/../b"}})

    assert refused.status == 422
    assert refused.error["details"] == {
        "parameters.PATHNAME": ["'/srv/a/../b' is not allowed. Allowed: a text that matches /srv/[a-z]+"]
    }
    assert client.post(f"{LIST}/restart/run", json={**RUN, "parameters": {"PATHNAME": "/srv/a"}}).status == 201


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


def test_rows_from_before_patterns_and_secrets_are_shown_listed_and_run(client, world):
    save(client)
    run = client.post(f"{LIST}/restart/run", json=RUN).data
    world.settle()
    (row,) = world.driver.rows(SCRIPTS)
    new = {"pattern", "sensitive", "secret"}
    row["parameters"] = [{name: each[name] for name in each if name not in new} for each in row["parameters"]]
    world.driver.load(SCRIPTS, [row])
    (command,) = world.driver.rows(COMMANDS)
    world.driver.load(COMMANDS, [{name: command[name] for name in command if name not in {"script", "secrets"}}])

    (shown,) = client.get(LIST).data
    assert [shown["parameters"][0][name] for name in ("pattern", "sensitive", "secret")] == [None, False, None]
    assert save(client).data["version"] == 1
    assert client.get(f"/api/v1/commands/{run['id']}").data["script"] is None
    assert client.get("/api/v1/commands", query={"script_name": "restart"}).data == []
    assert client.post(f"{LIST}/restart/run", json=RUN).status == 201
