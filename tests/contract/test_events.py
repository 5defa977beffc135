"""Every event of a story in which all types happen fits our published document, and both revisions of the contract
where they are at hand."""

import json
import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from chalicelib.fleet.api import API
from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.rollout import RolloutLimits
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.events.descriptions import DESCRIPTIONS
from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.model import AuthMethod, Credential, NewUsername
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.kit.crypto import Secret
from chalicelib.web.asyncapi import document, document_text, message_name
from tests.application.fleet.ssh.world import FakePasswords
from tests.support.builders import Machine, a_cluster, a_command, a_registration, machines
from tests.support.published import ASYNCAPI, LATER_ASYNCAPI, published
from tests.support.world import World

ROOT = Path(__file__).parents[2]
CONTRACT_DIR = os.environ.get("EDGE_CONTRACT_DIR", "")
ALL = Targeting(type=TargetType.ALL)

OURS = ("edge.rollout.",)
"""How the types begin that we add."""

needs_contract = pytest.mark.skipif(not CONTRACT_DIR, reason="EDGE_CONTRACT_DIR names no folder with the contract")

MAY_BE_NULL = {("CommandExecutionEvent", "command_text")}
"""Where the contract promises a text: null if the envelope would be too large for the bus with it."""


def _enrolment(world: World) -> list[Machine]:
    a_cluster(world, "north")
    a_cluster(world, "south")
    world.fleet.enrollment.verify("no key of ours", None)
    fleet = machines(world, 2, self_update_enabled=True)
    world.socket_client.frames["socket"] = []
    world.fleet.nodes.connections.connected(fleet[0].token, "socket", int(world.clock.now().timestamp() * 1000))
    world.settle()
    return fleet


def _changes_of_nodes(world: World, machine: Machine) -> str:
    """The machine registers again with another version, moves, and reports its health; returns its new token."""
    nodes = world.fleet.nodes
    again = nodes.registering.register(a_registration(machine.id, "north", agent_version="2.0.0"), None, machine.token)
    token = again.secrets.api_token
    nodes.placing.change_cluster(machine.id, "south", reach=EVERYWHERE)
    nodes.health.report(nodes.identity.authenticate(token), Status.UNHEALTHY)
    world.settle()
    return token


def _executions(world: World, runs: Machine, waits: Machine) -> None:
    executions = world.fleet.commands.executions
    a_command(world, "uptime", expired_at=world.clock.now() + timedelta(hours=1))
    world.settle()
    (execution_id,) = executions.waiting_for(runs.id, 1000).pending
    executions.acknowledge(runs.id, execution_id)
    executions.report(runs.id, execution_id, Report(is_expired=False, output="done\n", exit_code=0))
    (waiting,) = executions.waiting_for(waits.id, 1000).pending
    executions.cancel(waiting, reach=EVERYWHERE)
    a_command(world, '"' * 120_000, expired_at=world.clock.now() + timedelta(hours=1))
    world.settle()
    world.clock.advance(3_700)
    world.sweep("sweep_commands")
    world.settle()


def _rollouts(world: World) -> None:
    """One that is paused, resumed, and ends, and one that is stopped."""
    steering, executions = world.fleet.commands.steering, world.fleet.commands.executions
    for end in ("report", "stop"):
        made = a_command(world, rollout=RolloutLimits(max_concurrency=1))
        world.settle()
        steering.pause(made.id, reach=EVERYWHERE)
        world.settle()
        steering.resume(made.id, reach=EVERYWHERE)
        world.settle()
        if end == "stop":
            steering.stop(made.id, reach=EVERYWHERE)
            continue
        for _ in range(2):
            for row in [row for row in world.driver.rows(EXECUTIONS) if row["command_id"] == made.id]:
                if row["status"] == "pending":
                    executions.report(str(row["node_id"]), str(row["id"]), Report(is_expired=False, exit_code=0))
            world.settle()


def _logins(world: World, machine: Machine) -> None:
    world.fleet.ssh.usernames.create(machine.id, NewUsername("ops", Secret("correct horse battery")), reach=EVERYWHERE)
    for username, password in (("ops", "correct horse battery"), ("ops", "wrong"), ("nobody", "wrong")):
        node = world.fleet.nodes.reading.find_many([machine.id])[0]
        world.fleet.ssh.verifier.verify(node, Credential(username, AuthMethod.PASSWORD, Secret(password)))
    world.settle()


def _updates(world: World) -> None:
    world.fleet.updates.requests.create(ALL, reach=EVERYWHERE)
    world.settle()
    for _ in range(3):
        world.clock.advance(11_000)
        world.sweep("sweep_commands")
        world.settle()


def _deletion(world: World, machine: Machine) -> None:
    """The machine is deleted before it has taken an execution."""
    a_command(world, "true", Targeting(type=TargetType.NODES, node_ids=(machine.id,)))
    world.settle()
    world.fleet.nodes.placing.delete(machine.id, reach=EVERYWHERE)
    world.settle()


@pytest.fixture(scope="module")
def envelopes():
    world = World(execution_pruning_enabled=True, execution_retention_days=30)
    world.fleet.ssh.passwords = FakePasswords()
    first, second = _enrolment(world)
    _changes_of_nodes(world, second)
    _executions(world, first, second)
    _rollouts(world)
    _logins(world, first)
    _updates(world)
    _deletion(world, first)
    world.fleet.test_events.publish()
    world.clock.advance(40 * 86_400)
    world.sweep("prune_executions")
    world.settle()
    return [json.loads(entry["Detail"]) for entry in world.bus_client.entries if entry["Source"] != INTERNAL_SOURCE]


def is_ours(event_type):
    return event_type.startswith(OURS)


ADDED_VALUES = {
    ("Envelope", "type"): {*EventType},
    ("CommandExecutionEvent", "status"): {"dropped"},
    ("EnrollmentKeyVerifiedEvent", "result"): {"vpn_enrollment_key_unavailable"},
}
"""What one revision has and the other has not."""


def checker(whole, schema):
    return Draft202012Validator({**schema, "components": whole["components"]}, format_checker=FormatChecker())


@pytest.fixture(scope="module", params=[ASYNCAPI, LATER_ASYNCAPI], ids=["first", "later"])
def contract(request):
    return published(request.param)


def test_recorded_events_include_every_event_type(envelopes):
    assert {envelope["type"] for envelope in envelopes} == {event_type.value for event_type in EventType}
    results = {one["data"]["result"] for one in envelopes if "result" in one["data"]}
    assert {"verified", "invalid_key", "success", "failure"} <= results
    assert any("command_text_omitted" in one["data"] for one in envelopes)


def test_event_fits_the_published_document(envelopes):
    published = document(API.describe_events())
    for envelope in envelopes:
        payload = published["components"]["messages"][message_name(envelope["type"], "edge.")]["payload"]
        checker(published, payload).validate(envelope)


def test_event_has_no_field_beyond_its_shape(envelopes):
    shapes = {event_type.value: described.data for event_type, described in DESCRIPTIONS.items()}
    for envelope in envelopes:
        shapes[envelope["type"]].model_validate_json(json.dumps(envelope["data"]))


@needs_contract
def test_event_fits_the_contract(envelopes, contract):
    shapes = {event_type.value: described.data.__name__ for event_type, described in DESCRIPTIONS.items()}
    for envelope in envelopes:
        if envelope["type"] not in contract["channels"]:
            continue
        checker(contract, contract["components"]["schemas"]["Envelope"]).validate(envelope)
        name = shapes[envelope["type"]]
        data = {**envelope["data"]}
        if data.get("status") == "dropped" and "dropped" not in _values(_named(contract, name)["properties"]["status"]):
            data["status"] = "cancelled"  # the first revision has no word for it
        failing = {(name, *error.path) for error in checker(contract, _named(contract, name)).iter_errors(data)}
        assert failing <= MAY_BE_NULL
        assert not failing or envelope["data"]["command_text_omitted"] is True


@needs_contract
def test_event_document_has_the_channels_messages_and_fields_of_the_contract(contract):
    published = document(API.describe_events())
    assert set(published["channels"]) >= set(contract["channels"])
    for name, channel in contract["channels"].items():
        assert published["channels"][name]["address"] == channel["address"]
        assert published["channels"][name]["messages"] == channel["messages"]
    for name, theirs in contract["components"]["schemas"].items():
        ours = _named(published, name)
        assert set(theirs["properties"]) <= set(ours["properties"])
        assert set(theirs["required"]) <= set(ours["required"])
        for field, wanted in theirs["properties"].items():
            said = ours["properties"][field]
            extra = set(_values(said)) - set(_values(wanted))
            assert extra <= ADDED_VALUES.get((name, field), set()), (name, field)
            assert set(_values(said)) >= set(_values(wanted)), (name, field)
            assert said.get("format") in (wanted.get("format"), None), (name, field)
            if "type" in wanted and "type" in said and (name, field) not in MAY_BE_NULL:
                assert _types(said) <= _types(wanted), (name, field)


@needs_contract
def test_event_types_are_those_of_the_two_revisions():
    both = {*published(ASYNCAPI)["channels"], *published(LATER_ASYNCAPI)["channels"]}
    assert {event_type.value for event_type in EventType if not is_ours(event_type)} == both


def _named(whole, name):
    return whole["components"]["schemas"][name]


def _values(schema):
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return sorted(value for value in values if not is_ours(str(value)))


def _types(schema):
    return {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])


@pytest.mark.parametrize("file", [API.events_document, ROOT / "docs" / "asyncapi.json"], ids=["packaged", "docs"])
def test_committed_event_document_equals_the_generated_one(file):
    assert file.read_text(encoding="utf-8") == document_text(API), "run: python -m chalicelib.web.asyncapi"


def test_event_types_are_described_once_and_references_resolve():
    published = document(API.describe_events())
    assert set(DESCRIPTIONS) == set(EventType)
    assert list(published["channels"]) == [event_type.value for event_type in EventType]
    summaries = Counter(channel["description"] for channel in published["channels"].values())
    assert [summary for summary, count in summaries.items() if count > 1] == []
    references = list(_references(published))
    assert len(references) > 4 * len(EventType)
    for reference in references:
        place = published
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        assert place


def _references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    for inner in value if isinstance(value, list) else []:
        yield from _references(inner)
