"""Builds over crashes, repeats, lost messages and callers at once: each is carried out once and ends."""

import pytest

from chalicelib.fleet.public import UpdateFacts, UpdateState
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.hosted.model import Action, BuildStatus, NewNode, Status
from chalicelib.machines.hosted.queues import HOSTED_BUILDS
from chalicelib.machines.hosted.store import TABLE as NODES
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.webhooks.store import DELIVERIES
from tests.support.fakes.dynamo import Crash
from tests.support.hosting import HOST, NETWORK, NEWEST, OWNER, TENANT, URL, Hosting

STORY = [Action.CREATE, Action.STOP, Action.START, Action.UPGRADE, Action.SETTINGS, Action.DESTROY]

MOST_WRITES = 12
"""More writes than any of the stories below makes between two of its steps."""


def story(hosting: Hosting, crash_after: int | None, *, twice: bool = False) -> str:
    """A node's whole life, each of whose steps is interrupted after so many writes; returns its id."""

    def go_on() -> None:
        hosting.world.settle(crash_after=crash_after, twice=twice)

    hosting.settle = go_on  # type: ignore[method-assign]
    node = hosting.nodes.create(TENANT, OWNER, NewNode(name="a node", network=NETWORK, webhook_url=URL))
    go_on()
    hosting.instance_is(node.id, State.CREATING, external={"id": "p"})
    hosting.instance_runs(node.id)
    hosting.begin(node.id, Action.STOP)
    hosting.instance_is(node.id, State.READY)
    hosting.begin(node.id, Action.START)
    hosting.instance_runs(node.id)
    upgrade = hosting.begin(node.id, Action.UPGRADE).build
    hosting.fleet.updates[upgrade.id] = UpdateFacts(UpdateState.UPDATED, NEWEST)
    hosting.later()
    hosting.nodes.set_webhook(TENANT, node.id, "https://other.example/")
    go_on()
    hosting.begin(node.id, Action.DESTROY)
    hosting.instance_goes(node.id)
    return str(node.id)


@pytest.mark.parametrize("crash_after", range(1, MOST_WRITES))
def test_worker_that_dies_after_any_write_finishes_on_its_repeat(crash_after: int) -> None:
    hosting = Hosting()
    node = hosting.get(story(hosting, crash_after))

    assert node.status is Status.DESTROYED
    assert [build.action for build in node.builds] == STORY
    assert {build.status for build in node.builds} == {BuildStatus.SUCCESS}
    assert [build.number for build in node.builds] == list(range(1, len(STORY) + 1))
    assert hosting.instances.made == [node.id]
    assert hosting.fleet.asked == [(node.id, NEWEST)]


def test_messages_and_records_that_come_twice_act_once() -> None:
    hosting = Hosting()
    node = hosting.get(story(hosting, None, twice=True))

    assert node.status is Status.DESTROYED
    assert {build.status for build in node.builds} == {BuildStatus.SUCCESS}
    assert hosting.instances.made == [node.id]
    assert hosting.fleet.asked == [(node.id, NEWEST)]
    deliveries = [str(row["event_id"]) for row in hosting.world.driver.rows(DELIVERIES)]
    assert len(deliveries) == len(set(deliveries)) == len(hosting.world.exchange.received)


@pytest.mark.parametrize("made", [False, True])
def test_worker_that_dies_beside_its_call_of_the_provider_makes_one_instance(made: bool) -> None:
    """The instance is asked for, and the worker dies before, or after it is made and before the row says so."""
    hosting = Hosting()
    create = hosting.instances.create

    def dying(*given, **named):
        hosting.instances.create = create  # type: ignore[method-assign]
        if made:
            create(*given, **named)
        raise Crash

    hosting.instances.create = dying  # type: ignore[method-assign]

    node = hosting.create()
    hosting.instance_runs(node.id)

    assert hosting.get(node.id).status is Status.RUNNING
    assert hosting.instances.made == [node.id]


def test_lost_message_is_sent_again_by_the_sweep() -> None:
    hosting = Hosting()
    node = hosting.nodes.create(TENANT, OWNER, NewNode(name="a node", network=NETWORK))
    while hosting.world.relay_only():
        pass
    assert hosting.world.queue_client.take(HOSTED_BUILDS)

    hosting.later()
    hosting.instance_runs(node.id)

    assert hosting.get(node.id).status is Status.RUNNING


def test_sweep_queues_due_nodes_of_every_tenant_once_a_pause() -> None:
    hosting = Hosting()
    nodes = [hosting.create(tenant=TENANT), hosting.create(tenant=hosting.customer("acme"))]
    hosting.world.queue_client.take(HOSTED_BUILDS)
    hosting.world.clock.advance(300)
    hosting.world.sweep("sweep_hosted_builds")
    bodies = hosting.world.queue_client.take(HOSTED_BUILDS)
    hosting.world.sweep("sweep_hosted_builds")

    assert sorted(body["node"] for body in bodies) == sorted(node.id for node in nodes)
    assert not hosting.world.queue_client.take(HOSTED_BUILDS)


def test_look_that_another_has_overtaken_does_nothing() -> None:
    hosting = Hosting()
    node = hosting.create()
    before = hosting.get(node.id)
    message = {"tenant": TENANT, "node": node.id, "attempts": before.attempts + 5}
    hosting.world.platform.queues.send(HOSTED_BUILDS, [message])
    hosting.settle()

    assert hosting.get(node.id) == before


def test_second_action_meanwhile_is_refused_and_changes_nothing() -> None:
    hosting = Hosting()
    node = hosting.running()
    hosting.begin(node.id, Action.STOP)
    before = hosting.get(node.id)

    for action in (Action.START, Action.STOP, Action.UPGRADE, Action.DESTROY):
        with pytest.raises(EdgeError, match="Build 2 of this node, STOP, is in progress") as refused:
            hosting.nodes.begin(TENANT, node.id, action)
        assert refused.value.kind is Kind.CONFLICT
    with pytest.raises(EdgeError, match="in progress"):
        hosting.nodes.set_webhook(TENANT, node.id, URL)

    assert hosting.get(node.id) == before


def test_second_of_two_callers_at_once_begins_no_build() -> None:
    """The second reads the node before the first has written."""
    hosting = Hosting()
    node = hosting.running()

    def meanwhile() -> None:
        hosting.nodes.begin(TENANT, node.id, Action.STOP)

    hosting.world.driver.before_next(meanwhile, operation="UpdateItem", table=NODES)
    with pytest.raises(EdgeError, match="STOP, is in progress"):
        hosting.nodes.begin(TENANT, node.id, Action.UPGRADE)

    assert [build.action for build in hosting.get(node.id).builds] == [Action.CREATE, Action.STOP]


def test_node_of_another_tenant_is_not_found() -> None:
    hosting = Hosting()
    node = hosting.running(tenant=hosting.customer("acme"))

    with pytest.raises(EdgeError) as missing:
        hosting.nodes.begin(TENANT, node.id, Action.STOP)

    assert missing.value.kind is Kind.NOT_FOUND
    assert hosting.nodes.every(TENANT) == []
    assert hosting.world.exchange.of(HOST) == []


@pytest.mark.parametrize("is_looked_at", [False, True])
def test_machine_that_changes_while_it_is_looked_at_is_followed(is_looked_at: bool) -> None:
    """A slow look has seen it failed; before it writes that, the machine runs, and another look finds nothing to
    write."""
    hosting = Hosting()
    node = hosting.running()

    def meanwhile() -> None:
        hosting.instances.become(TENANT, node.id, state=State.READY)
        if is_looked_at:
            hosting.machines.hosted.builds.run(TENANT, node.id)

    hosting.world.driver.before_next(meanwhile, operation="PutItem", table=NODES)
    hosting.world.driver.before_next(meanwhile, operation="UpdateItem", table=NODES)
    hosting.instance_is(node.id, State.FAILED, reason="the provider lost it")

    assert (hosting.get(node.id).status, hosting.get(node.id).reason) == (Status.RUNNING, "")
