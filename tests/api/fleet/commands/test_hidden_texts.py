"""Texts and outputs of commands, for keys that read them and for keys that do not."""

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.webhooks.store import DELIVERIES
from tests.support.builders import a_command, machines
from tests.support.callers import operator

TEXT, OUTPUT = "cat /etc/hosts-of-everything", "an output that is private"


@pytest.fixture
def fleet(world, client):
    """A command with a result, and a webhook that was told of it."""
    [machine] = machines(world, 1)
    hook = {"url": "https://93.184.216.34/hook", "secret": "s" * 40, "subscribed_events": list(EVENTS)}
    webhook_id = client.post("/api/v1/webhooks", json=hook).data["id"]
    world.clock.advance(10)
    command = a_command(world, TEXT)
    world.settle()
    row = client.get("/api/v1/command_executions").data[0]
    world.fleet.commands.executions.acknowledge(machine.id, row["id"])
    world.fleet.commands.executions.report(machine.id, row["id"], Report(is_expired=False, exit_code=0, output=OUTPUT))
    world.settle()
    delivery_id = world.driver.rows(DELIVERIES)[0]["id"]
    return {
        "command": f"/api/v1/commands/{command.id}",
        "commands": "/api/v1/commands",
        "execution": f"/api/v1/command_executions/{row['id']}",
        "executions": "/api/v1/command_executions",
        "delivery": f"/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
    }


EVENTS = ("edge.command_execution.completed",)
OF_A_COMMAND = ("command", "commands", "execution", "executions", "delivery")


def a_key(world, **fields):
    return world.key_with(**{"role": KeyRole.VIEWER, **fields})


@pytest.mark.parametrize("what", OF_A_COMMAND)
def test_viewer_reads_texts_and_outputs(world, client, fleet, what):
    answer = client.get(fleet[what], key=a_key(world))
    assert TEXT in answer.text
    assert (OUTPUT in answer.text) is what.startswith("execution")


@pytest.mark.parametrize("what", OF_A_COMMAND)
@pytest.mark.parametrize("role", list(KeyRole))
def test_key_without_outputs_gets_null_for_texts_and_outputs(world, client, fleet, what, role):
    answer = client.get(fleet[what], key=a_key(world, role=role, outputs=False))
    assert answer.status == 200
    assert not [text for text in (TEXT, OUTPUT) if text in answer.text]
    shown = answer.data[0] if isinstance(answer.data, list) else answer.data
    shown = shown["event"]["data"] if what == "delivery" else shown
    assert shown["command_text"] is None
    assert shown.get("output") is None


@pytest.mark.parametrize(("what", "query"), [("commands", "command_text"), ("executions", "output")])
def test_key_without_outputs_cannot_filter_by_them(world, client, fleet, what, query):
    hidden, seeing = a_key(world, outputs=False), a_key(world)
    answer = client.get(fleet[what], query={query: "*private*"}, key=hidden)
    assert (answer.status, query in answer.error["message"]) == (403, True)
    assert client.get(fleet[what], query={query: "*private*"}, key=seeing).status == 200


def test_command_of_a_key_without_outputs_is_answered_without_its_text(world):
    key = a_key(world, role=KeyRole.OPERATOR, outputs=False)
    body = {"command_text": TEXT, "targeting": {"type": "all"}}
    answer = operator(world).post("/api/v1/commands", json=body, key=key)
    assert (answer.status, answer.data["command_text"]) == (201, None)
