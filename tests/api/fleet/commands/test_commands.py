"""Commands over HTTP, as operators use them."""

import pytest

from chalicelib.fleet.api.operator import commands, rollouts
from chalicelib.fleet.commands.rules import DEADLINE_PASSED, command_delete_refused, no_rollout
from chalicelib.fleet.commands.store import COMMANDS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import TargetType
from chalicelib.fleet.targeting.rules import required_for
from chalicelib.kit.errors import BLANK, at_most_bytes
from chalicelib.web.validation import NOT_A_DATE_TIME, NOT_A_UUID
from tests.application.fleet.commands.fleet import a_node, executions, fan_out
from tests.support.client import Client
from tests.support.world import World

ID = "01900000-0000-7000-8000-000000000001"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world) -> Client:
    return Client([commands.routes], world.fleet)


def post(client, **fields):
    return client.post("/api/v1/commands", json={"command_text": "uptime", "targeting": {"type": "all"}, **fields})


class TestCreate:
    def test_smallest_command_is_created_with_defaults(self, client, world):
        answer = post(client)
        assert answer.status == 201
        made = answer.data
        assert answer.headers["location"] == f"/api/v1/commands/{made['id']}"
        assert made == {
            "id": made["id"],
            "command_text": "uptime",
            "timeout": None,
            "expired_at": "2026-11-22T10:00:00Z",
            "expires_at": "2026-11-22T10:00:00Z",
            "targeting": {"type": "all"},
            "retry_of": None,
            "schedule": None,
            "script": None,
            "rollout": None,
            "state": "creating",
            "inserted_at": "2026-11-21T10:00:00Z",
            "updated_at": "2026-11-21T10:00:00Z",
        }
        shown = client.get(f"/api/v1/commands/{made['id']}").data
        counts = ("total", "open", "pending", "sent", "succeeded", "failed", "cancelled", "expired")
        nothing = (*counts, "waiting", "skipped", "dropped")
        assert shown == made | {"targets": None, "finished_at": None, "summary": dict.fromkeys(nothing, 0)}

    def test_command_with_a_null_deadline_never_expires(self, client):
        assert post(client, expired_at=None).data["expired_at"] is None

    def test_command_with_all_fields_reads_back_unchanged(self, client):
        targeting = {
            "type": "clusters",
            "node_ids": [],
            "cluster_names": ["north", "south", "north"],
            "node_filters": {"version": "1.*", "self_update_enabled": "true", "last_seen_at__gte": "2026-11-20"},
            "cluster_filters": {"node_count__gte": "3", "has_node_limit": False, "name": "*"},
            "allow_missing": True,
        }
        made = post(client, timeout="30000", expired_at="2026-11-21T12:00:00+01:00", targeting=targeting).data
        assert made["timeout"] == 30_000
        assert made["expired_at"] == "2026-11-21T11:00:00Z"
        assert made["targeting"] == {
            "type": "clusters",
            "node_ids": [],
            "cluster_names": ["north", "south"],
            "node_filters": {"version": "1.*", "self_update_enabled": True, "last_seen_at__gte": "2026-11-20"},
            "cluster_filters": {"node_count__gte": 3, "has_node_limit": False, "name": "*"},
        }

    def test_node_filters_of_a_command_select_its_nodes(self, client, world):
        a_node(world, agent_version="1.0.0")
        chosen = a_node(world, agent_version="2.0.0")
        made = post(client, targeting={"type": "all", "node_filters": {"version": "2.*"}}).data
        fan_out(world, world.fleet.commands.registry.get_with_progress(made["id"], reach=EVERYWHERE)[0])
        assert [row["node_id"] for row in executions(world)] == [chosen.id]

    @pytest.mark.parametrize(
        ("fields", "details"),
        [
            ({"command_text": ""}, {"command_text": ["String length is smaller than minLength: 1"]}),
            ({"command_text": None}, {"command_text": ["null value where string expected"]}),
            ({"command_text": 5}, {"command_text": ["Invalid string. Got: integer"]}),
            ({"timeout": 0}, {"timeout": ["0 is smaller than inclusive minimum 1"]}),
            ({"timeout": 2**31}, {"timeout": ["2147483648 is larger than inclusive maximum 2147483647"]}),
            (
                {"expired_at": "2026-11-22T10:00:00"},
                {"expired_at": [NOT_A_DATE_TIME]},
            ),
            ({"targeting": None}, {"targeting": ["null value where object expected"]}),
            ({"targeting": {}}, {"targeting/type": ["Missing field: type"]}),
            (
                {"targeting": {"type": "some"}},
                {"targeting/type": ['Invalid value for enum: "some". Allowed: all, nodes or clusters']},
            ),
            (
                {"targeting": {"type": "nodes", "node_ids": ["x"]}},
                {"targeting/node_ids/0": [NOT_A_UUID]},
            ),
            (
                {"targeting": {"type": "nodes", "node_ids": [ID] * 2001}},
                {"targeting/node_ids": ["Array length 2001 is larger than maxItems: 2000"]},
            ),
            (
                {"targeting": {"type": "all", "node_filters": {"colour": "red"}}},
                {"targeting/node_filters/colour": ["Unexpected field: colour"]},
            ),
            (
                {"targeting": {"type": "all", "node_filters": {"status": None}}},
                {"targeting/node_filters/status": ["null value where string expected"]},
            ),
            (
                {"targeting": {"type": "all", "node_filters": None}},
                {"targeting/node_filters": ["null value where object expected"]},
            ),
            (
                {"targeting": {"type": "all", "cluster_filters": {"node_count": "many"}}},
                {"targeting/cluster_filters/node_count": ["Invalid integer. Got: string"]},
            ),
        ],
        ids=str,
    )
    def test_malformed_command_is_400_and_creates_nothing(self, client, world, fields, details):
        answer = post(client, **fields)
        assert (answer.status, answer.error["code"]) == (400, "bad_request")
        assert answer.error["details"] == details
        assert world.driver.rows(COMMANDS) == []

    @pytest.mark.parametrize("fields", [{"colour": "red"}, {"targeting": {"type": "all", "colour": "red"}}])
    def test_command_with_an_unknown_field_is_400(self, client, world, fields):
        assert post(client, **fields).status == 400
        assert world.driver.rows(COMMANDS) == []

    @pytest.mark.parametrize(
        ("fields", "details"),
        [
            ({"command_text": " \n\t"}, {"command_text": [BLANK]}),
            (
                {"command_text": "echo a\0b"},
                {"command_text": ["has U+0000 as character 7: no shell takes it"]},
            ),
            ({"expired_at": "2026-11-21T10:00:00Z"}, {"expired_at": [DEADLINE_PASSED]}),
            ({"expired_at": "0001-01-01T00:00:00Z"}, {"expired_at": [DEADLINE_PASSED]}),
            (
                {"targeting": {"type": "nodes", "node_ids": []}},
                {"node_ids": [required_for(TargetType.NODES)]},
            ),
            ({"targeting": {"type": "clusters"}}, {"cluster_names": [required_for(TargetType.CLUSTERS)]}),
            (
                {"targeting": {"type": "clusters", "cluster_names": ["nort"]}},
                {
                    "targeting/cluster_names": [
                        "there is no cluster 'nort'",
                        "allow_missing: true passes over what does not exist",
                    ]
                },
            ),
            ({"command_text": "x" * 131_072}, {"command_text": [at_most_bytes(131_071)]}),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_command_that_breaks_a_rule_is_422(self, client, world, fields, details):
        answer = post(client, **fields)
        assert (answer.status, answer.error["code"]) == (422, "validation_failed")
        assert answer.error["details"] == details
        assert world.driver.rows(COMMANDS) == []

    def test_creating_a_command_without_a_key_is_401(self, client):
        assert client.post("/api/v1/commands", json={}, key=None).status == 401


class TestList:
    @pytest.fixture
    def made(self, client, world):
        ids = {}
        for name, fields in {
            "plain": {"expired_at": None},
            "timed": {"command_text": "docker ps", "timeout": 500, "expired_at": None},
            "due": {"command_text": "ls", "expired_at": "2026-11-22T00:00:00Z", "timeout": 5000},
        }.items():
            ids[post(client, **fields).data["id"]] = name
            world.clock.advance(1)
        return ids

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({}, ["due", "timed", "plain"]),
            ({"order_by": "inserted_at"}, ["plain", "timed", "due"]),
            ({"order_by": "timeout", "order_directions": "asc"}, ["timed", "due", "plain"]),
            ({"order_by": "expired_at", "order_directions": "desc"}, ["timed", "plain", "due"]),
            ({"command_text": "*DOCKER*"}, ["timed"]),
            ({"command_text": "ls,uptime"}, ["due", "plain"]),
            ({"has_timeout": "true"}, ["due", "timed"]),
            ({"timeout__gte": "501"}, ["due"]),
            ({"timeout__lte": "500"}, ["timed"]),
            ({"has_expired_at": "false"}, ["timed", "plain"]),
            ({"expired_at__lte": "2026-11-22"}, ["due"]),
            ({"inserted_at__gte": "2026-11-21T10:00:01Z"}, ["due", "timed"]),
            ({"page": "2", "page_size": "2"}, ["plain"]),
        ],
        ids=str,
    )
    def test_command_list_filters_sorts_and_pages(self, client, made, query, names):
        answer = client.get("/api/v1/commands", query=query)
        assert answer.status == 200
        assert [made[row["id"]] for row in answer.data] == names

    @pytest.mark.parametrize("query", [{"timeout": "5"}, {"timeout__gte": "0"}, {"has_timeout": "1"}, {"colour": "x"}])
    def test_unknown_command_filter_is_400(self, client, query):
        assert client.get("/api/v1/commands", query=query).status == 400

    def test_deleted_command_is_not_listed_by_a_lagging_index(self, client, world, made):
        gone = next(command_id for command_id, name in made.items() if name == "plain")
        fan_out(world, world.fleet.commands.registry.get_with_progress(gone, reach=EVERYWHERE)[0])
        world.driver.index_lag(30)
        assert client.delete(f"/api/v1/commands/{gone}").status == 204
        assert [made[row["id"]] for row in client.get("/api/v1/commands").data] == ["due", "timed"]

    def test_page_too_large_for_a_response_is_400(self, client):
        for _ in range(50):
            post(client, command_text="x" * 131_071)
        answer = client.get("/api/v1/commands", query={"page_size": "50"})
        assert (answer.status, list(answer.error["details"])) == (400, ["page_size"])
        assert len(client.get("/api/v1/commands").data) == 20

    def test_first_page_of_commands_takes_four_calls_at_most(self, client, world, made):
        client.get("/api/v1/commands")
        assert world.platform.tables.meter.count <= 4


class TestDelete:
    def test_command_without_open_executions_is_deleted(self, client, world):
        made = post(client).data["id"]
        fan_out(world, world.fleet.commands.registry.get_with_progress(made, reach=EVERYWHERE)[0])
        assert client.delete(f"/api/v1/commands/{made}").status == 204
        assert client.get(f"/api/v1/commands/{made}").status == 404
        assert client.delete(f"/api/v1/commands/{made}").status == 404

    def test_deleting_a_command_with_open_executions_is_409(self, client, world):
        a_node(world)
        made = post(client).data["id"]
        fan_out(world, world.fleet.commands.registry.get_with_progress(made, reach=EVERYWHERE)[0])
        answer = client.delete(f"/api/v1/commands/{made}")
        assert (answer.status, answer.error["message"]) == (
            409,
            command_delete_refused(1).message,
        )

    def test_deleting_a_command_during_fan_out_is_409(self, client):
        made = post(client).data["id"]
        assert client.delete(f"/api/v1/commands/{made}").status == 409
        assert client.get(f"/api/v1/commands/{made}").status == 200


@pytest.mark.parametrize("method", ["get", "delete"])
def test_unknown_command_id_is_404_and_malformed_is_400(client, method):
    assert getattr(client, method)(f"/api/v1/commands/{ID}").status == 404
    answer = getattr(client, method)("/api/v1/commands/1")
    assert (answer.status, answer.error["details"]) == (
        400,
        {"id": [NOT_A_UUID]},
    )


def test_rollout_is_answered_with_its_state(client, world):
    limits = {"max_concurrency": "10%", "max_errors": 3}
    made = post(client, rollout=limits).data
    unread = {"at_once": None, "errors_allowed": None}
    assert made["rollout"] == {**limits, "state": "running", "reason": None, **unread}
    assert client.get("/api/v1/commands").data[0]["rollout"] == {**limits, "state": None, "reason": None, **unread}
    world.settle()
    shown = client.get(f"/api/v1/commands/{made['id']}").data
    assert (shown["rollout"]["state"], shown["state"], shown["targets"]) == ("finished", "finished", 0)
    assert (shown["rollout"]["at_once"], shown["rollout"]["errors_allowed"]) == (1, 3)


def test_rollout_without_targets_has_finished(client, world):
    targeting = {"type": "clusters", "cluster_names": ["nowhere"], "allow_missing": True}
    made = post(client, rollout={"max_concurrency": 5}, targeting=targeting).data
    shown = client.get(f"/api/v1/commands/{made['id']}").data
    assert (shown["rollout"]["state"], shown["state"], shown["targets"]) == ("finished", "finished", 0)


def test_rollout_is_paused_resumed_and_stopped(world):
    client = Client([commands.routes, rollouts.routes], world.fleet)
    a_node(world)
    path = f"/api/v1/commands/{post(client, rollout={'max_concurrency': 1}).data['id']}"
    assert [client.post(f"{path}/pause").data["rollout"]["state"] for _ in range(2)] == ["paused"] * 2
    assert client.get(path).data["rollout"]["state"] == "paused"
    assert [client.post(f"{path}/resume").data["rollout"]["state"] for _ in range(2)] == ["running"] * 2
    stopped = client.post(f"{path}/stop").data["rollout"]
    assert (stopped["state"], stopped["reason"]) == ("stopped", "stopped")
    refused = client.post(f"/api/v1/commands/{post(client).data['id']}/pause")
    assert (refused.status, refused.error["message"]) == (409, no_rollout().message)
