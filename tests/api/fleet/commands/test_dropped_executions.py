"""Executions whose node was deleted: kept as dropped, and shown as each revision of the contract knows them."""

from dataclasses import dataclass

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.fleet.api import API
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.web.openapi import document_of
from tests.support.callers import enrolled, operator
from tests.support.client import Client
from tests.support.world import World

EARLIER, LATER = ({"Edge-Api-Revision": day} for day in ("2026-05-19", "2026-08-19"))
PATH = "/api/v1/command_executions"
DROPPED_AT = "2026-11-21T10:00:07Z"
COMMAND = {"command_text": "true", "targeting": {"type": "all"}}


@dataclass
class Deleted:
    """A node that was deleted while its first execution was pending, its second sent and its third completed. ``path``
    is that of the command of the first, which is open on another node."""

    node_id: str
    client: Client
    path: str
    ids: list[str]

    def listed(self, query="", headers=None):
        answer = self.client.get(f"{PATH}?node_id={self.node_id}&order_by=inserted_at&{query}", headers=headers)
        assert answer.status == 200, answer.text
        return [self.ids.index(row["id"]) for row in answer.data]

    def shown(self, index, headers=None):
        return self.client.get(f"{PATH}/{self.ids[index]}", headers=headers).data


@pytest.fixture
def world():
    return World()


@pytest.fixture
def deleted(world):
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    agent, _ = enrolled(client, 2)
    world.settle()
    commands = []
    for _ in range(3):
        commands.append(client.post("/api/v1/commands", json=COMMAND).data["id"])
        world.clock.advance(1)
    world.settle()
    ids = [client.get(f"{PATH}?node_id={agent.id}&command_id={one}").data[0]["id"] for one in commands]
    for taken in ids[1:]:
        agent.acknowledge(taken)
    agent.report(ids[2], exit_code=0)
    world.settle()
    world.clock.advance(4)
    assert client.delete(f"/api/v1/nodes/{agent.id}").status == 204
    world.settle(twice=True)
    return Deleted(agent.id, client, f"/api/v1/commands/{commands[0]}", ids)


def test_deletion_of_a_node_drops_what_was_open_and_keeps_all(world, deleted):
    stored = {row["id"]: row for row in world.driver.rows(EXECUTIONS) if row["node_id"] == deleted.node_id}
    assert [stored[one]["status"] for one in deleted.ids] == ["dropped", "dropped", "completed"]
    assert [deleted.shown(index)["outcome"] for index in range(3)] == ["dropped", "dropped", "succeeded"]


def test_first_revision_shows_dropped_as_cancelled_with_its_node_and_time(deleted):
    for headers in (None, EARLIER):
        for index in (0, 1):
            shown = deleted.shown(index, headers)
            assert (shown["status"], shown["node_id"]) == ("cancelled", deleted.node_id)
            assert shown["cancelled_at"] == DROPPED_AT
        listed = deleted.client.get(f"{PATH}?node_id={deleted.node_id}", headers=headers).data
        assert sorted(row["status"] for row in listed) == ["cancelled", "cancelled", "completed"]


def test_later_revision_shows_dropped_without_a_node(deleted):
    for index in (0, 1):
        shown = deleted.shown(index, LATER)
        assert (shown["status"], shown["node_id"], shown["cancelled_at"]) == ("dropped", None, None)
    assert deleted.shown(2, LATER)["node_id"] == deleted.node_id


@pytest.mark.parametrize("headers", [EARLIER, LATER])
def test_answers_fit_the_document_of_their_revision(deleted, headers):
    document = document_of(API, headers["Edge-Api-Revision"])
    answers = document["paths"][f"{PATH}/{{id}}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = OAS30Validator({**document, **answers})
    for index in range(3):
        whole = deleted.client.get(f"{PATH}/{deleted.ids[index]}", headers=headers).json
        assert [error.message for error in validator.iter_errors(whole)] == []


@pytest.mark.parametrize(
    ("query", "headers", "found"),
    [
        ("status=cancelled", EARLIER, [0, 1]),
        ("status=cancelled", None, [0, 1]),
        ("status__in=cancelled,completed", EARLIER, [0, 1, 2]),
        ("status=cancelled&status__in=cancelled,expired", EARLIER, [0, 1]),
        ("status=cancelled&status__in=expired", EARLIER, []),
        ("status=completed", EARLIER, [2]),
        ("status=dropped", EARLIER, [0, 1]),
        ("status=cancelled", LATER, []),
        ("status__in=dropped,completed", LATER, [0, 1, 2]),
        ("outcome=dropped", EARLIER, [0, 1]),
        ("outcome=cancelled", LATER, []),
        (f"cancelled_at__gte={DROPPED_AT}", EARLIER, [0, 1]),
    ],
)
def test_filters_find_what_the_revision_shows(deleted, query, headers, found):
    assert deleted.listed(query, headers) == found


def test_dropped_executions_are_announced_with_their_node(world, deleted):
    told = [one["data"] for one in world.bus_client.envelopes if one["type"] == "edge.command_execution.dropped"]
    assert {one["command_execution_id"] for one in told} == {*deleted.ids[:2]}
    assert {(one["node_id"], one["status"], one["cancelled_at"]) for one in told} == {
        (deleted.node_id, "dropped", None)
    }
    assert not [one for one in world.bus_client.envelopes if one["type"] == "edge.command_execution.cancelled"]


def test_summary_counts_dropped_and_adds_up(deleted):
    summary = deleted.client.get(deleted.path).data["summary"]
    assert (summary["total"], summary["dropped"], summary["pending"], summary["cancelled"]) == (2, 1, 1, 0)


def test_dropped_execution_is_terminal(world, deleted):
    for method, path in (("POST", "cancel"), ("PATCH", "cancel")):
        assert deleted.client.request(method, f"{PATH}/{deleted.ids[0]}/{path}").status == 409
    assert deleted.client.delete(f"{PATH}/{deleted.ids[1]}").status == 204
    assert deleted.client.delete(deleted.path).status == 409  # its other execution is open
    deleted.client.post(f"{deleted.path}/cancel")
    world.settle()
    assert deleted.client.delete(deleted.path).status == 204


def test_cancelled_execution_is_answered_as_the_revision_has_it(world, deleted):
    other = deleted.client.get(f"{PATH}?status=pending").data[0]["id"]
    answer = deleted.client.post(f"{PATH}/{other}/cancel", headers=LATER)
    assert (answer.status, answer.data["status"]) == (200, "cancelled")
    assert answer.data["node_id"] is not None
    assert answer.data["cancelled_at"] is not None
