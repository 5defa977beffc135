"""Executions over HTTP, as their agents use them."""

import json

import pytest

from chalicelib.fleet.api.agent import executions as routes
from chalicelib.fleet.api.agent.executions import RESULT_MAX_BYTES
from chalicelib.fleet.commands.model import Status
from chalicelib.fleet.commands.rules import acknowledge_refused, report_refused
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.web.validation import NOT_A_DATE_TIME
from tests.application.fleet.commands.fleet import command, executions, fan_out
from tests.support.builders import a_cluster, machines
from tests.support.client import Client
from tests.support.world import World

PROMISED_BYTES = 3_000_000
"""Of a result, whatever is in it."""

LARGEST_FRAME_BYTES = 64 * 1024
"""More than stands around a body in an event: headers are 10 KB at most (REST API quotas), and come twice."""

ID = "01900000-0000-7000-8000-000000000001"
LIST = "/api/v1/agents/command_executions"


@pytest.fixture
def world() -> World:
    world = World()
    a_cluster(world)
    return world


@pytest.fixture
def fleet(world):
    return machines(world, 2)


@pytest.fixture
def client(world, fleet) -> Client:
    return Client([routes.routes], world.fleet, key=fleet[0].token)


def given(world, **fields):
    """A command for all, fanned out; node id -> execution id."""
    made = command(world, **fields)
    fan_out(world, made)
    return {str(row["node_id"]): str(row["id"]) for row in executions(world) if row["command_id"] == made.id}


def own(client, status="pending", **query):
    return client.get(LIST, query={"status": status, **query})


def acknowledge(client, execution_id):
    return client.patch(f"{LIST}/{execution_id}/acknowledge")


def report(client, execution_id, **body):
    return client.patch(f"{LIST}/{execution_id}/result", json={"status": "completed", **body})


class TestList:
    def test_agent_list_holds_own_executions_with_all_needed_to_run_them(self, client, world, fleet):
        ids = given(world, text="uptime", timeout=500, never_expires=True)
        answer = own(client)
        (row,) = answer.data
        assert row == {
            "id": ids[fleet[0].id],
            "command_id": row["command_id"],
            "command_text": "uptime",
            "timeout": 500,
            "expired_at": None,
            "secret_variables": [],
            "status": "pending",
            "cancel_requested_at": None,
            "inserted_at": "2026-11-21T10:00:00Z",
        }
        assert answer.json["meta"]["pagination"]["page_size"] == 100

    def test_agent_list_is_oldest_first_and_paged(self, client, world, fleet):
        ids = []
        for _ in range(3):
            ids.append(given(world)[fleet[0].id])
            world.clock.advance(1)
        assert [row["id"] for row in own(client).data] == ids
        assert [row["id"] for row in own(client, order_directions="desc", order_by="inserted_at").data] == ids[::-1]
        second = own(client, page="2", page_size="2")
        assert [row["id"] for row in second.data] == ids[2:]
        assert second.json["meta"]["pagination"]["total_count"] == 3

    def test_sent_execution_shows_its_requested_cancel(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        acknowledge(client, mine)
        world.fleet.commands.executions.cancel(mine, reach=EVERYWHERE)
        assert own(client).data == []
        (row,) = own(client, "sent").data
        assert (row["status"], row["cancel_requested_at"]) == ("sent", "2026-11-21T10:00:00Z")

    @pytest.mark.parametrize("status", ["completed", "cancelled", "expired"])
    def test_final_executions_are_listed_only_by_their_status(self, client, world, fleet, status):
        mine = given(world)[fleet[0].id]
        codes = {"completed": 0, "cancelled": 143, "expired": 1}
        report(client, mine, status="expired" if status == "expired" else "completed", exit_code=codes[status])
        assert [row["id"] for row in own(client, status).data] == [mine]
        assert own(client).data == []

    def test_page_of_long_commands_is_shortened_and_continued_on_the_next(self, client, world, fleet):
        ids = []
        for _ in range(60):
            ids.append(given(world, text="x" * 131_071)[fleet[0].id])
            world.clock.advance(1)
        first = own(client)
        assert len(first.text.encode()) < 5_500_000
        shown = [row["id"] for row in first.data]
        assert shown == ids[: len(shown)] != ids
        for execution_id in shown:
            acknowledge(client, execution_id)
        assert [row["id"] for row in own(client).data] == ids[len(shown) :]

    def test_empty_agent_list_costs_one_call_beyond_authentication(self, client, world):
        own(client)
        operations = [(call.operation, call.table) for call in world.platform.tables.meter.calls]
        assert operations[-1] == ("Query", "executions")
        assert len([call for call in operations if call != ("UpdateItem", "presence")]) == 2

    @pytest.mark.parametrize(
        ("query", "details"),
        [
            ({}, {"status": ["Missing field: status"]}),
            (
                {"status": "done"},
                {
                    "status": [
                        (
                            'Invalid value for enum: "done". '
                            "Allowed: pending, sent, completed, cancelled, expired or dropped"
                        )
                    ]
                },
            ),
            ({"status": "sent", "page_size": "101"}, {"page_size": ["101 is larger than inclusive maximum 100"]}),
            ({"status": "sent", "colour": "red"}, {"colour": ["Unexpected field: colour"]}),
        ],
        ids=str,
    )
    def test_malformed_agent_list_query_is_400(self, client, query, details):
        answer = client.get(LIST, query=query)
        assert (answer.status, answer.error["details"]) == (400, details)

    def test_agent_list_without_a_token_is_401(self, client):
        assert client.get(LIST, query={"status": "sent"}, key=None).status == 401


class TestAcknowledge:
    def test_acknowledged_execution_is_sent(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        world.clock.advance(3)
        answer = acknowledge(client, mine)
        assert (answer.status, answer.data["status"], answer.data["command_text"]) == (200, "sent", "true")
        assert world.fleet.commands.executions.get(mine, reach=EVERYWHERE).execution.sent_at == "2026-11-21T10:00:03Z"

    def test_second_acknowledgement_is_409(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        acknowledge(client, mine)
        answer = acknowledge(client, mine)
        assert (answer.status, answer.error["message"]) == (
            409,
            acknowledge_refused(Status.SENT).message,
        )

    def test_acknowledgement_of_another_nodes_execution_is_403(self, client, world, fleet):
        theirs = given(world)[fleet[1].id]
        answer = acknowledge(client, theirs)
        assert (answer.status, answer.error["code"]) == (403, "forbidden")
        assert world.fleet.commands.executions.get(theirs, reach=EVERYWHERE).execution.status == "pending"

    def test_acknowledgement_of_an_unknown_execution_is_404(self, client):
        assert acknowledge(client, ID).status == 404
        assert acknowledge(client, "1").status == 400

    def test_acknowledgement_costs_two_calls_beyond_authentication(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        acknowledge(client, mine)
        operations = [(call.operation, call.table) for call in world.platform.tables.meter.calls]
        assert operations[-2:] == [("UpdateItem", "executions"), ("BatchGetItem", "commands")]


class TestResult:
    def test_result_after_acknowledgement_completes_the_execution(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        acknowledge(client, mine)
        answer = report(client, mine, output="done\n", exit_code="0", completed_at="2026-11-21T11:00:00+01:30")
        assert answer.status == 200
        assert answer.data == {
            "id": mine,
            "command_id": answer.data["command_id"],
            "node_id": fleet[0].id,
            "status": "completed",
            "exit_code": 0,
            "sent_at": "2026-11-21T10:00:00Z",
            "completed_at": "2026-11-21T09:30:00Z",
            "cancelled_at": None,
            "inserted_at": "2026-11-21T10:00:00Z",
            "updated_at": "2026-11-21T10:00:00Z",
        }
        assert world.fleet.commands.executions.get(mine, reach=EVERYWHERE).execution.output == "done\n"

    def test_result_costs_one_call_beyond_authentication(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        report(client, mine, exit_code=0)
        executions_only = [call.operation for call in world.platform.tables.meter.calls if call.table == "executions"]
        assert executions_only == ["UpdateItem"]
        assert world.platform.tables.meter.calls[-1].table == "executions"

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"exit_code": 0}, "completed"),
            ({"exit_code": 124}, "completed"),
            ({"exit_code": 143}, "cancelled"),
            ({"status": "expired"}, "expired"),
            ({"status": "expired", "exit_code": 143}, "cancelled"),
            ({}, "completed"),
            ({"output": None, "exit_code": None, "completed_at": None}, "completed"),
        ],
        ids=str,
    )
    def test_reported_result_decides_the_status(self, client, world, fleet, body, status):
        mine = given(world)[fleet[0].id]
        assert report(client, mine, **body).data["status"] == status

    def test_second_result_is_409(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        report(client, mine, exit_code=7)
        answer = report(client, mine, exit_code=8)
        assert (answer.status, answer.error["message"]) == (
            409,
            report_refused(Status.COMPLETED, 7).message,
        )
        nothing = given(world)[fleet[0].id]
        report(client, nothing)
        assert (
            report(client, nothing).error["message"].startswith("execution is in 'completed' status (exit_code: nil)")
        )

    def test_cancelled_execution_accepts_a_late_result(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        world.fleet.commands.executions.cancel(mine, reach=EVERYWHERE)
        assert report(client, mine, exit_code=0).data["status"] == "completed"

    def test_result_of_another_nodes_execution_is_403(self, client, world, fleet):
        theirs = given(world)[fleet[1].id]
        assert report(client, theirs, exit_code=0).status == 403
        assert world.fleet.commands.executions.get(theirs, reach=EVERYWHERE).execution.exit_code is None

    def test_result_of_an_unknown_execution_is_404(self, client):
        assert report(client, ID).status == 404

    def test_long_output_is_truncated_and_accepted(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        answer = report(client, mine, output="h" * 2_000_000 + "t" * 2_000_000, exit_code=0)
        assert answer.status == 200
        stored = world.fleet.commands.executions.get(mine, reach=EVERYWHERE).execution.output
        assert stored is not None
        assert len(stored) <= 262_144
        assert (stored[0], stored[-1]) == ("h", "t")
        assert "bytes dropped" in stored

    @pytest.mark.parametrize(
        "text", ["x", '"', "\\", "\n", "\u20ac"], ids=["plain", "quotes", "backslashes", "lines", "euro"]
    )
    def test_largest_promised_result_body_fits_a_lambda_event(self, client, world, fleet, text):
        execution_id = given(world)[fleet[0].id]
        frame = len(json.dumps({"status": "completed", "output": ""}))
        per_text = len(json.dumps(text, ensure_ascii=False).encode()) - 2
        output = text * ((PROMISED_BYTES - frame) // per_text)
        body = json.dumps({"status": "completed", "output": output}, ensure_ascii=False)
        assert PROMISED_BYTES - 3 <= len(body.encode()) <= PROMISED_BYTES
        event = json.dumps({"body": body, "headers": "h" * LARGEST_FRAME_BYTES}, ensure_ascii=False)
        assert len(event.encode()) < RESULT_MAX_BYTES
        path = f"{LIST}/{execution_id}/result"
        answer = client.patch(path, body=body, headers={"content-type": "application/json"})
        assert answer.status == 200

    def test_result_too_large_for_lambda_is_413_in_the_envelope(self, client, world, fleet):
        execution_id = given(world)[fleet[0].id]
        body = json.dumps({"status": "completed", "output": "x" * RESULT_MAX_BYTES})
        path = f"{LIST}/{execution_id}/result"
        answer = client.patch(path, body=body, headers={"content-type": "application/json"})
        assert (answer.status, answer.error["code"]) == (413, "payload_too_large")
        assert own(client).data[0]["id"] == execution_id

    def test_output_with_control_characters_is_accepted(self, client, world, fleet):
        mine = given(world)[fleet[0].id]
        answer = client.patch(
            f"{LIST}/{mine}/result",
            body='{"status": "completed", "output": "a\\u0000\\u001bb", "exit_code": 0}',
            headers={"content-type": "application/json"},
        )
        assert answer.status == 200
        assert world.fleet.commands.executions.get(mine, reach=EVERYWHERE).execution.output == "a\x00\x1bb"

    @pytest.mark.parametrize(
        ("body", "details"),
        [
            (
                {"status": "sent"},
                {"status": ['Invalid value for enum: "sent". Allowed: completed or expired']},
            ),
            ({"exit_code": "a"}, {"exit_code": ["Invalid integer. Got: string"]}),
            ({"output": 5}, {"output": ["Invalid string. Got: integer"]}),
            (
                {"completed_at": "now"},
                {"completed_at": [NOT_A_DATE_TIME]},
            ),
        ],
        ids=str,
    )
    def test_malformed_result_is_400_and_changes_nothing(self, client, world, fleet, body, details):
        mine = given(world)[fleet[0].id]
        answer = report(client, mine, **body)
        assert (answer.status, answer.error["details"]) == (400, details)
        assert world.fleet.commands.executions.get(mine, reach=EVERYWHERE).execution.status == "pending"

    def test_result_with_an_unknown_field_is_400(self, client, world, fleet):
        assert report(client, given(world)[fleet[0].id], colour="red").status == 400
