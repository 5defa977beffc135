"""What agents report of an update, and what a request says of it: whole application on the fake."""

import pytest

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.updates import triggering
from chalicelib.fleet.updates.model import NodeState, Report
from chalicelib.fleet.updates.store import NODE_UPDATES
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest
from tests.application.fleet.updates.scene import (
    ALL,
    COMPLETED,
    a_world,
    check,
    connect,
    create,
    events,
    states,
    summary,
    sweep,
    willing,
)
from tests.support.builders import a_registration

OLD, NEW = "0.2.0+b1", "0.2.1+b2"
UPDATED = Report(NodeState.UPDATED, NEW)
WENT_BACK = Report(NodeState.FAILED, OLD, "it ended after 60 s with status 1")
A_DAY = 86_400


@pytest.fixture
def world():
    return a_world()


def told(world, count=1, version=OLD):
    """Machines of a version that were told by socket, and the request."""
    fleet = willing(world, count, agent_version=version)
    connect(world, *fleet)
    request = create(world)
    world.settle()
    assert set(states(world).values()) == {"triggered"}
    return fleet, request


def report(world, machine, request, said):
    agent = world.fleet.nodes.identity.authenticate(machine.token)
    return world.fleet.updates.outcomes.report(agent, request.id, said)


def nodes_of(world, request, **filters):
    asked = ListRequest(page=1, page_size=100, filters=filters)
    return world.fleet.updates.outcomes.page_of_nodes(request.id, asked, reach=EVERYWHERE).items


def test_update_request_completes_when_every_triggered_node_has_reported(world):
    (first, second), request = told(world, 2)
    sweep(world)
    assert summary(world, request) == ("processing", None)
    report(world, first, request, UPDATED)
    sweep(world)
    assert summary(world, request) == ("processing", None)
    report(world, second, request, WENT_BACK)
    sweep(world, 1000)
    assert summary(world, request) == ("completed", {"total": 2, "triggered": 1, "failed": 1, "updated": 1})
    (done,) = events(world, COMPLETED).values()
    assert done["summary"] == {"total": 2, "triggered": 1, "failed": 1, "updated": 1}
    by_node = {row.node_id: row for row in nodes_of(world, request)}
    assert (by_node[first.id].agent_version_before, by_node[first.id].agent_version) == (OLD, NEW)
    assert (by_node[second.id].agent_version, by_node[second.id].reason) == (OLD, WENT_BACK.reason)


def test_older_request_that_waits_ends_as_replaced_when_the_agent_asks(world):
    (machine,) = willing(world, 1, agent_version=OLD)
    older = create(world)
    world.clock.advance(5)
    newer = create(world)
    world.settle()
    assert check(world, machine).request_id == newer.id
    (row,) = nodes_of(world, older)
    assert (row.state, row.reason) == (NodeState.FAILED, "a newer request replaced it")
    sweep(world)
    assert summary(world, older) == ("completed", {"total": 1, "triggered": 0, "failed": 1, "updated": 0})
    report(world, machine, newer, UPDATED)
    assert [row.state for row in nodes_of(world, newer)] == [NodeState.UPDATED]


@pytest.mark.parametrize(
    ("wanted", "said", "ends"),
    [
        (None, UPDATED, (NodeState.UPDATED, None)),
        (NEW, UPDATED, (NodeState.UPDATED, None)),
        ("0.2.0+b0", UPDATED, (NodeState.FAILED, "a newer request replaced it")),
        (None, WENT_BACK, (NodeState.FAILED, "a newer request replaced it")),
    ],
)
def test_older_request_that_was_told_ends_with_the_report_about_the_newer(world, wanted, said, ends):
    (machine,) = willing(world, 1, agent_version=OLD)
    connect(world, machine)
    older = world.fleet.updates.requests.create(ALL, wanted, reach=EVERYWHERE)
    world.clock.advance(5)
    newer = create(world)
    world.settle()
    assert check(world, machine).request_id == newer.id
    for _ in range(2):
        report(world, machine, newer, said)
        (row,) = nodes_of(world, older)
        assert (row.state, row.reason) == ends
    sweep(world)
    assert summary(world, older)[0] == "completed"


def test_request_told_during_another_update_is_told_again_to_the_new_version(world):
    (machine,), first = told(world)
    world.clock.advance(5)
    second = create(world)
    world.settle()
    said = a_registration(machine.id, "north", self_update_enabled=True, agent_version=NEW)
    token = world.fleet.nodes.registering.register(said, None, machine.token).secrets.api_token
    agent = world.fleet.nodes.identity.authenticate(token)
    world.fleet.updates.outcomes.report(agent, first.id, UPDATED)
    assert [row.state for row in nodes_of(world, second)] == [NodeState.TRIGGERED]
    assert check(world, machine, token).request_id == second.id


def test_update_request_does_not_wait_for_agents_without_reports(world):
    (_,), request = told(world, version="0.1.0")
    sweep(world)
    assert summary(world, request) == ("completed", {"total": 1, "triggered": 1, "failed": 0, "updated": 0})


def test_triggered_node_without_report_fails_after_one_hour(world):
    (loud, _), request = told(world, 2)
    report(world, loud, request, UPDATED)
    sweep(world, 3599)
    assert summary(world, request) == ("processing", None)
    sweep(world, A_DAY)
    sweep(world, A_DAY)
    assert summary(world, request) == ("completed", {"total": 2, "triggered": 1, "failed": 1, "updated": 1})
    (silent,) = nodes_of(world, request, status="failed")
    assert (silent.reason, silent.agent_version) == ("it did not say what became of it", None)


def test_many_silent_nodes_all_fail_within_one_message(world, monkeypatch):
    monkeypatch.setattr(triggering, "FAILED_PER_LOOK", 2)
    _, request = told(world, 5)
    sweep(world, A_DAY)
    sweep(world, A_DAY)
    assert summary(world, request) == ("completed", {"total": 5, "triggered": 0, "failed": 5, "updated": 0})


def test_node_triggered_just_before_deadline_has_one_hour_to_report(world):
    (machine,) = willing(world, 1, agent_version=OLD)
    request = create(world)
    world.settle()
    world.clock.advance(10_790)
    assert check(world, machine).including_me
    sweep(world)
    sweep(world, 1800)
    assert summary(world, request) == ("processing", None)
    report(world, machine, request, UPDATED)
    sweep(world, A_DAY)
    assert summary(world, request)[1] == {"total": 1, "triggered": 1, "failed": 0, "updated": 1}


def test_repeated_update_report_is_accepted_and_a_changed_one_refused(world):
    (machine,), request = told(world)
    before = report(world, machine, request, UPDATED)
    world.clock.advance(60)
    assert report(world, machine, request, UPDATED) == before
    with pytest.raises(EdgeError) as caught:
        report(world, machine, request, WENT_BACK)
    assert (caught.value.kind, states(world)) == (Kind.CONFLICT, {machine.id: "updated"})


def test_update_report_after_completion_is_a_conflict(world):
    (machine,), request = told(world)
    sweep(world, A_DAY)
    sweep(world, A_DAY)
    ended = summary(world, request)
    with pytest.raises(EdgeError) as caught:
        report(world, machine, request, UPDATED)
    assert caught.value.kind is Kind.CONFLICT
    assert summary(world, request) == ended


def test_update_report_of_a_node_outside_the_request_is_not_found(world):
    (machine, other), request = told(world, 2)
    report(world, machine, request, UPDATED)
    assert states(world) == {machine.id: "updated", other.id: "triggered"}
    (stranger,) = willing(world, 1)
    with pytest.raises(EdgeError) as caught:
        report(world, stranger, request, UPDATED)
    assert caught.value.kind is Kind.NOT_FOUND


def test_update_check_answers_with_the_requested_version(world):
    (machine,) = willing(world, 1, agent_version=OLD)
    request = world.fleet.updates.requests.create(ALL, NEW, reach=EVERYWHERE)
    world.settle()
    answer = check(world, machine)
    assert (answer.request_id, answer.version) == (request.id, NEW)


def test_node_updates_stored_before_reports_existed_are_read(world):
    (machine,), request = told(world, version="0.1.0")
    (row,) = world.driver.rows(NODE_UPDATES)
    for name in ("wanted", "agent_version_before", "report_by", "agent_version", "reason"):
        row.pop(name, None)
    assert [each.node_id for each in nodes_of(world, request)] == [machine.id]
    sweep(world)
    assert summary(world, request)[0] == "completed"


def test_nodes_of_a_request_are_filtered_by_status_cluster_and_version(world):
    fleet, request = told(world, 5)
    for machine in fleet[:2]:
        report(world, machine, request, UPDATED)
    assert {row.node_id for row in nodes_of(world, request, status="updated")} == {each.id for each in fleet[:2]}
    assert {row.node_id for row in nodes_of(world, request, version=NEW)} == {each.id for each in fleet[:2]}
    assert len(nodes_of(world, request, cluster_name="north")) == 5
    assert nodes_of(world, request, cluster_name="nowhere") == []
