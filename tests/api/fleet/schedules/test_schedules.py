"""Schedules over HTTP."""

import pytest

from chalicelib.fleet.api.operator.schedule_models import TEXT_OR_SCRIPT
from chalicelib.fleet.schedules.rules import over
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.world import World

SCHEDULES = "/api/v1/schedules"
WORD = {"name": "WORD", "type": "string"}
COMMAND = {"command_text": "restart web", "timeout": 5000, "targeting": {"type": "all"}}
NIGHTLY = {"name": "nightly", "command": COMMAND, "cron": "30 2 * * *", "timezone": "Europe/Berlin"}


@pytest.fixture
def world():
    world = World()
    for name in ("north", "south"):
        a_cluster(world, name)
        machines(world, 1, name)
    world.settle()
    return world


@pytest.fixture
def client(world):
    return operator(world)


def key(world, *names, **wanted):
    ids = {world.fleet.clusters.find(name).id for name in names}
    restrictions = {"clusters": ids} if ids else None
    return world.key_with(**{"role": KeyRole.OPERATOR, "restrictions": restrictions, **wanted})


def make(client, **options):
    fields = {name: options.pop(name) for name in [*options] if name not in {"key", "headers"}}
    return client.post(SCHEDULES, json={**NIGHTLY, **fields}, **options)


def test_new_schedule_shows_its_next_times_and_its_owner(client):
    answer = make(client)
    made = answer.data
    assert (answer.status, answer.headers["location"]) == (201, f"{SCHEDULES}/{made['id']}")
    assert made["next_runs"] == [f"2026-11-{day}T01:30:00Z" for day in (22, 23, 24, 25, 26)]
    assert (made["state"], made["reason"], made["owner"]["id"]) == ("active", None, "MASTER_KEY")
    assert made["if_offline"] == {"skip": True, "run_within_seconds": None}
    assert client.get(f"{SCHEDULES}/{made['id']}").data == made
    assert client.get(SCHEDULES).data == [made]


def test_schedule_shows_the_waves_of_its_command_and_refuses_others(client):
    limits = {"max_concurrency": "10%", "max_errors": 3}
    made = make(client, command={**NIGHTLY["command"], "rollout": limits}).data
    assert client.get(f"{SCHEDULES}/{made['id']}").data["command"]["rollout"] == limits
    refused = make(client, name="other", command={**NIGHTLY["command"], "rollout": {"max_errors": "101%"}})
    assert (refused.status, list(refused.error["details"])) == (400, ["command/rollout/max_errors"])


def test_command_shows_the_schedule_that_gave_it_and_history_the_command(world, client):
    made = make(client, cron="0 * * * *").data
    world.clock.advance(3600)
    world.sweep("sweep_commands")
    world.settle()
    (command,) = client.get("/api/v1/commands").data
    assert command["schedule"] == {"id": made["id"], "name": "nightly"}
    (run,) = client.get(f"{SCHEDULES}/{made['id']}/runs").data
    assert run == {
        "planned_at": "2026-11-21T11:00:00Z",
        "until": None,
        "count": 1,
        "result": "created",
        "command_id": command["id"],
        "reason": None,
        "inserted_at": "2026-11-21T11:00:00Z",
    }


def test_schedule_of_a_script_shows_it_and_its_values_to_those_who_read_texts(world, client):
    client.request("PUT", "/api/v1/scripts/say", json={"script_text": "true", "parameters": [WORD]})
    script = {"name": "say", "parameters": {"WORD": "hello"}, "secrets": {}}
    made = make(client, command={"script": script, "targeting": {"type": "all"}}).data
    path = f"{SCHEDULES}/{made['id']}"

    assert (made["command"]["command_text"], made["command"]["script"]) == (None, script)
    assert client.get(path, key=key(world, outputs=False)).data["command"]["script"] == {**script, "parameters": None}
    assert client.patch(path, json={"command": COMMAND}).data["command"]["script"] is None


@pytest.mark.parametrize("both", [{}, {"command_text": "true", "script": {"name": "say"}}])
def test_schedule_of_neither_or_both_text_and_script_is_refused(client, both):
    refused = make(client, command={"targeting": {"type": "all"}, **both})
    assert refused.status == 422
    assert refused.error["details"] == {"command": [TEXT_OR_SCRIPT]}


def test_change_takes_what_is_given_and_makes_the_caller_its_owner(world, client):
    made = make(client, if_offline={"run_within_seconds": 600}).data
    changed = client.patch(
        f"{SCHEDULES}/{made['id']}", json={"once_at": "2026-12-24T17:00:00Z", "name": "eve"}, key=key(world)
    ).data
    assert (changed["name"], changed["cron"], changed["next_runs"]) == ("eve", None, ["2026-12-24T17:00:00Z"])
    assert (changed["command"], changed["if_offline"]) == (made["command"], made["if_offline"])
    assert changed["owner"]["name"] == "a key of a test"


def test_pause_and_resume_show_the_state(world, client):
    path = f"{SCHEDULES}/{make(client, once_at='2026-11-21T11:00:00Z', cron=None).data['id']}"
    paused = client.post(f"{path}/pause").data
    assert (paused["state"], paused["next_runs"]) == ("paused", [])
    assert client.post(f"{path}/resume").data["state"] == "active"
    client.post(f"{path}/pause")
    world.clock.advance(3601)
    refused = client.post(f"{path}/resume")
    assert (refused.status, refused.error["message"]) == (409, over().message)


def test_deleted_schedule_is_gone_with_its_history(client):
    path = f"{SCHEDULES}/{make(client).data['id']}"
    assert client.delete(path).status == 204
    assert [client.get(path).status, client.get(f"{path}/runs").status, client.delete(path).status] == [404, 404, 404]


def test_restricted_keys_see_schedules_of_their_clusters_alone(world, client):
    north, south, both = key(world, "north"), key(world, "south"), key(world, "north", "south")
    of_all, of_north = make(client).data["id"], make(client, name="northern", key=north).data["id"]
    seen = [[row["id"] for row in client.get(SCHEDULES, key=one).data] for one in (north, south, both)]
    assert seen == [[of_north], [], [of_north]]
    assert {client.get(SCHEDULES, key=key(world)).data[place]["id"] for place in (0, 1)} == {of_all, of_north}
    for path in (f"{SCHEDULES}/{of_north}", f"{SCHEDULES}/{of_north}/runs"):
        assert client.get(path, key=south).status == 404
    calls = [client.post(f"{SCHEDULES}/{of_north}/pause", key=south), client.delete(f"{SCHEDULES}/{of_all}", key=north)]
    assert [answer.status for answer in calls] == [404, 404]


def test_restricted_key_schedules_nothing_for_other_clusters(world, client):
    targeting = {"type": "clusters", "cluster_names": ["south"]}
    answer = make(client, command={**COMMAND, "targeting": targeting}, key=key(world, "north"))
    assert (answer.status, [*answer.error["details"]]) == (422, ["targeting/cluster_names"])


def test_key_without_outputs_sees_no_text(world, client):
    make(client)
    (row,) = client.get(SCHEDULES, key=key(world, outputs=False)).data
    assert row["command"]["command_text"] is None


def test_viewer_changes_nothing(world, client):
    made, viewer = make(client).data["id"], key(world, role=KeyRole.VIEWER)
    path = f"{SCHEDULES}/{made}"
    calls = [
        make(client, name="other", key=viewer),
        client.patch(path, json={"name": "x"}, key=viewer),
        client.post(f"{path}/pause", key=viewer),
        client.post(f"{path}/resume", key=viewer),
        client.delete(path, key=viewer),
    ]
    assert {answer.status for answer in calls} == {403}
    assert client.get(path, key=viewer).status == 200


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"cron": None}, "once_at"),
        ({"once_at": "2026-12-01T00:00:00Z"}, "once_at"),
        ({"cron": "every day"}, "cron"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"if_offline": {}}, "if_offline"),
        ({"if_offline": {"skip": True, "run_within_seconds": 60}}, "if_offline"),
        ({"if_offline": {"skip": False}}, "if_offline"),
        ({"name": " "}, "name"),
        ({"command": {**COMMAND, "command_text": " "}}, "command_text"),
        ({"command": {**COMMAND, "command_text": "x" * 33_000}}, "command"),
        ({"command": {**COMMAND, "targeting": {"type": "nodes"}}}, "node_ids"),
    ],
)
def test_schedule_that_could_not_run_is_refused_by_field(client, wrong, field):
    answer = make(client, **wrong)
    assert (answer.status, [*answer.error["details"]]) == (422, [field])


def test_taken_name_is_refused_and_a_repeat_with_its_key_is_answered(client):
    headers = {"Idempotency-Key": "one"}
    first, again = make(client, headers=headers), make(client, headers=headers)
    assert (first.data, again.headers["idempotency-replayed"]) == (again.data, "true")
    assert make(client).status == 409
