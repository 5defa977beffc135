"""Executions over HTTP, as operators use them."""

import pytest

from chalicelib.fleet.api.operator import command_executions
from chalicelib.fleet.commands.model import Report, Status
from chalicelib.fleet.commands.rules import cancel_refused, delete_refused
from chalicelib.fleet.commands.store import EXECUTIONS
from tests.application.fleet.commands.fleet import a_node, command, executions, fan_out, nodes
from tests.support.client import Client
from tests.support.world import World

ID = "01900000-0000-7000-8000-000000000001"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world) -> Client:
    return Client([command_executions.routes], world.fleet)


def path(execution_id, rest=""):
    return f"/api/v1/command_executions/{execution_id}{rest}"


def pending(world, **fields):
    """The id of a pending execution, and its node."""
    node = a_node(world)
    made = command(world, "nodes", node_ids=(node.id,), **fields)
    fan_out(world, made)
    return next(str(row["id"]) for row in executions(world) if row["node_id"] == node.id), node.id


def finish(world, execution_id, node_id, **fields):
    world.fleet.commands.executions.report(node_id, execution_id, Report(is_expired=False, **fields))


class TestShow:
    def test_pending_execution_is_shown_with_all_fields(self, client, world):
        execution_id, node_id = pending(world, text="uptime", timeout=500, never_expires=True)
        shown = client.get(path(execution_id)).data
        made = shown["command_id"]
        assert shown == {
            "id": execution_id,
            "command_id": made,
            "node_id": node_id,
            "cluster_name": None,
            "target_all": False,
            "status": "pending",
            "outcome": "open",
            "command_text": "uptime",
            "timeout": 500,
            "command_text_truncated": False,
            "output": None,
            "output_truncated": False,
            "output_size": None,
            "exit_code": None,
            "sent_at": None,
            "completed_at": None,
            "cancelled_at": None,
            "cancel_requested_at": None,
            "expired_at": None,
            "expires_at": None,
            "inserted_at": "2026-11-21T10:00:00Z",
            "updated_at": "2026-11-21T10:00:00Z",
        }

    def test_showing_an_execution_costs_two_calls(self, client, world):
        execution_id, _ = pending(world)
        client.get(path(execution_id))
        assert world.platform.tables.meter.count == 2

    def test_single_execution_shows_its_whole_output(self, client, world):
        execution_id, node_id = pending(world)
        finish(world, execution_id, node_id, output="o" * 262_144, exit_code=0)
        shown = client.get(path(execution_id)).data
        assert (len(shown["output"]), shown["output_truncated"], shown["status"]) == (262_144, False, "completed")

    def test_showing_an_unknown_execution_is_404(self, client):
        assert client.get(path(ID)).status == 404
        assert client.get(path("1")).status == 400


class TestList:
    def test_list_shows_the_same_fields_as_a_single_execution(self, client, world):
        execution_id, _ = pending(world)
        answer = client.get("/api/v1/command_executions")
        assert answer.data == [client.get(path(execution_id)).data]
        assert answer.json["meta"]["pagination"]["total_count"] == 1

    def test_cluster_name_filters_the_nodes_cluster_and_shows_the_targeted_one(self, client, world):
        pending(world)
        (row,) = client.get("/api/v1/command_executions", query={"cluster_name": "nor*"}).data
        assert row["cluster_name"] is None
        assert client.get("/api/v1/command_executions", query={"cluster_name": "south"}).data == []

    def test_outcome_tells_failure_from_success_and_filters(self, client, world):
        fleet = nodes(world, 6)
        fan_out(world, command(world))
        ids = {str(row["node_id"]): str(row["id"]) for row in executions(world)}
        succeeded, failed, killed, cancelled, expired, still_open = (ids[node.id] for node in fleet)
        finish(world, succeeded, fleet[0].id, exit_code=0)
        finish(world, failed, fleet[1].id, exit_code=3)
        finish(world, killed, fleet[2].id, exit_code=137)
        assert client.patch(path(cancelled, "/cancel")).status == 200
        world.fleet.commands.executions.report(fleet[4].id, expired, Report(is_expired=True))
        became = {
            "succeeded": {succeeded},
            "failed": {failed, killed},
            "cancelled": {cancelled},
            "expired": {expired},
            "open": {still_open},
        }

        for outcome, which in became.items():
            answer = client.get("/api/v1/command_executions", query={"outcome": outcome})
            assert {row["id"] for row in answer.data} == which
            assert {row["outcome"] for row in answer.data} == {outcome}
            assert answer.json["meta"]["pagination"]["total_count"] == len(which)
        refused = client.get("/api/v1/command_executions", query={"outcome": "done"})
        told = 'Invalid value for enum: "done". Allowed: open, succeeded, failed, cancelled, expired or dropped'
        assert (refused.status, refused.error["details"]) == (400, {"outcome": [told]})

    @pytest.mark.parametrize(
        "query",
        [
            {"status": "done"},
            {"exit_code": "-1"},
            {"target_all": "yes"},
            {"node_id": "1"},
            {"sent_at__gte": "soon"},
            {"inserted_at": "2026-11-21"},
        ],
        ids=str,
    )
    def test_malformed_execution_filter_is_400(self, client, query):
        assert client.get("/api/v1/command_executions", query=query).status == 400

    def test_execution_list_takes_every_filter_of_the_contract(self, client):
        query = {
            "status": "sent",
            "target_all": "true",
            "exit_code": "0",
            "exit_code__gte": "0",
            "exit_code__lte": "9",
            "has_output": "false",
            "output": "*x*",
            "command_id": ID,
            "node_id": ID,
            "cluster_name": "a,b",
            "has_cluster": "true",
        }
        for name in ("sent_at", "completed_at", "cancelled_at", "inserted_at", "updated_at"):
            query |= {f"{name}__gte": "2026-11-21", f"{name}__lte": "2026-11-21T10:00:00Z"}
        answer = client.get("/api/v1/command_executions", query=query)
        assert (answer.status, answer.data) == (200, [])

    def test_outputs_too_long_for_a_page_are_truncated(self, client, world):
        fleet = nodes(world, 20)
        made = command(world)
        fan_out(world, made)
        rows = {str(row["node_id"]): str(row["id"]) for row in executions(world)}
        for place, node in enumerate(fleet):
            output = "short" if place == 0 else f"head-{place} " + "\u0001" * 250_000 + " tail"
            finish(world, rows[node.id], node.id, output=output, exit_code=0)
        answer = client.get("/api/v1/command_executions")
        by_id = {row["id"]: row for row in answer.data}
        assert by_id[rows[fleet[0].id]]["output"] == "short"
        assert by_id[rows[fleet[0].id]]["output_truncated"] is False
        for place, node in enumerate(fleet[1:], start=1):
            shown = by_id[rows[node.id]]
            assert shown["output_truncated"] is True
            assert shown["output"].startswith(f"head-{place} ")
            assert shown["output"].endswith(" tail")
            assert "bytes dropped" in shown["output"]
        assert len(answer.text) > 2_000_000

    def test_command_texts_too_long_for_a_page_are_truncated(self, client, world):
        fleet = nodes(world, 31)
        fan_out(world, command(world, text="x" * 131_071))
        rows = {str(row["node_id"]): str(row["id"]) for row in executions(world)}
        for node in fleet:
            finish(world, rows[node.id], node.id, output="o" * 200_000, exit_code=0)
        answer = client.get("/api/v1/command_executions", query={"page_size": "31"})
        assert len(answer.data) == 31
        assert {row["output_truncated"] for row in answer.data} == {True}
        assert {row["command_text_truncated"] for row in answer.data} == {True}
        assert client.get(path(answer.data[0]["id"])).data["command_text"] == "x" * 131_071


class TestCancel:
    def test_cancelling_a_pending_execution_cancels_it_at_once(self, client, world):
        execution_id, _ = pending(world)
        assert client.patch(path(execution_id, "/cancel")).data == {"result": "execution cancelled"}
        shown = client.get(path(execution_id)).data
        assert (shown["status"], shown["cancelled_at"]) == ("cancelled", "2026-11-21T10:00:00Z")

    def test_cancelling_a_sent_execution_requests_its_cancel(self, client, world):
        execution_id, node_id = pending(world)
        world.fleet.commands.executions.acknowledge(node_id, execution_id)
        assert client.patch(path(execution_id, "/cancel")).data == {"result": "cancellation request sent"}
        shown = client.get(path(execution_id)).data
        assert (shown["status"], shown["cancel_requested_at"]) == ("sent", "2026-11-21T10:00:00Z")

    def test_cancelling_a_final_execution_is_409(self, client, world):
        execution_id, node_id = pending(world)
        finish(world, execution_id, node_id, exit_code=0)
        answer = client.patch(path(execution_id, "/cancel"))
        assert (answer.status, answer.error["message"]) == (
            409,
            cancel_refused(Status.COMPLETED).message,
        )

    def test_cancelling_an_unknown_execution_is_404(self, client):
        assert client.patch(path(ID, "/cancel")).status == 404


class TestDelete:
    def test_deleting_a_final_execution_removes_its_row(self, client, world):
        execution_id, _ = pending(world)
        client.patch(path(execution_id, "/cancel"))
        assert client.delete(path(execution_id)).status == 204
        assert world.driver.row(EXECUTIONS, {"id": execution_id}) is None
        assert client.delete(path(execution_id)).status == 404

    def test_deleting_an_open_execution_is_409(self, client, world):
        execution_id, _ = pending(world)
        answer = client.delete(path(execution_id))
        assert (answer.status, answer.error["message"]) == (
            409,
            delete_refused(Status.PENDING).message,
        )

    def test_deleting_an_execution_during_fan_out_is_409(self, client, world):
        node = a_node(world)
        made = command(world, "nodes", node_ids=(node.id,))
        chunk = world.fleet.commands.fan_outs.create_chunk(made.id, "nodes#0", None, lambda *_: None)
        (row,) = executions(world)
        client.patch(path(row["id"], "/cancel"))
        assert client.delete(path(row["id"])).status == 409
        world.fleet.commands.fan_outs.finish(chunk)
        assert client.delete(path(row["id"])).status == 204
