"""Self-update requests from their making to their end, in the whole application on the fake."""

import pytest

from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.targeting.rules import required_for
from chalicelib.fleet.updates.queues import SELF_UPDATES
from chalicelib.fleet.updates.store import NODE_UPDATES, REQUESTS
from chalicelib.kit.errors import EdgeError, Kind
from tests.application.fleet.updates.scene import (
    COMPLETED,
    FRAME,
    TRIGGERED,
    a_world,
    check,
    connect,
    create,
    events,
    frames,
    states,
    summary,
    sweep,
    willing,
)
from tests.support.builders import a_registration, machines


@pytest.fixture
def world():
    return a_world()


class TestConnected:
    def test_connected_nodes_get_one_frame_and_event_each_and_the_request_ends(self, world):
        fleet = willing(world, 3)
        connect(world, *fleet)
        request = create(world)
        world.settle()
        assert [frames(world, machine) for machine in fleet] == [[FRAME]] * 3
        assert set(states(world).values()) == {"triggered"}
        sweep(world)
        assert summary(world, request) == ("completed", {"total": 3, "triggered": 3, "failed": 0, "updated": 0})
        told = events(world, TRIGGERED).values()
        assert {data["node_id"] for data in told} == {machine.id for machine in fleet}
        assert {data["self_update_request_id"] for data in told} == {request.id}
        (done,) = events(world, COMPLETED).values()
        assert (done["self_update_request_id"], done["status"], done["summary"]["triggered"]) == (
            request.id,
            "completed",
            3,
        )
        assert done["targeting"] == {"type": "all"}

    def test_update_event_describes_the_node_without_secrets(self, world):
        (machine,) = willing(world, 1)
        connect(world, machine)
        create(world)
        world.settle()
        (data,) = events(world, TRIGGERED).values()
        assert (data["cluster_name"], data["status"], data["version"], data["http_port"]) == (
            "north",
            "healthy",
            "1.0.0",
            44000,
        )
        assert not [name for name in data if "token" in name or "password" in name or "digest" in name]

    def test_duplicate_messages_trigger_each_node_once(self, world):
        fleet = willing(world, 5)
        connect(world, *fleet)
        request = create(world)
        world.settle(twice=True)
        for _ in range(3):
            sweep(world)
        assert [frames(world, machine) for machine in fleet] == [[FRAME]] * 5
        assert (len(events(world, TRIGGERED)), len(events(world, COMPLETED))) == (5, 1)
        assert summary(world, request)[1] == {"total": 5, "triggered": 5, "failed": 0, "updated": 0}

    @pytest.mark.parametrize("crash_after", range(1, 16))
    def test_update_request_with_a_crash_after_any_write_completes(self, world, crash_after):
        fleet = willing(world, 3)
        connect(world, *fleet[:2])
        request = create(world)
        world.settle(twice=True, crash_after=crash_after)
        world.clock.advance(10_801)
        for _ in range(3):
            sweep(world)
        assert summary(world, request) == ("completed", {"total": 3, "triggered": 2, "failed": 1, "updated": 0})
        assert (len(events(world, TRIGGERED)), len(events(world, COMPLETED))) == (2, 1)

    def test_update_request_covers_a_large_fleet(self, world):
        fleet = willing(world, 230)
        connect(world, fleet[0])
        create(world)
        world.settle()
        assert set(states(world)) == {machine.id for machine in fleet}
        assert list(states(world).values()).count("triggered") == 1


class TestWhoIsMeant:
    def test_update_request_selects_healthy_nodes_with_self_update_enabled(self, world):
        (able,) = willing(world, 1)
        (_unwilling,) = machines(world, 1)
        (ill,) = willing(world, 1)
        world.fleet.nodes.health.report(world.fleet.nodes.identity.authenticate(ill.token), Status.UNHEALTHY)
        wide = Targeting(type=TargetType.ALL, node_filters={"self_update_enabled": False, "status": "unhealthy"})
        request = create(world, wide)
        world.settle()
        assert set(states(world)) == {able.id}
        assert world.fleet.updates.requests.get(request.id, reach=EVERYWHERE).targeting == wide

    def test_update_request_applies_node_filters(self, world):
        willing(world, 1)
        (new,) = willing(world, 1, agent_version="2.0.0")
        create(world, Targeting(type=TargetType.ALL, node_filters={"version": "2.*"}))
        world.settle()
        assert set(states(world)) == {new.id}

    def test_update_request_without_matching_nodes_completes(self, world):
        targeting = Targeting(type=TargetType.CLUSTERS, cluster_names=("nowhere",))
        request = world.fleet.updates.requests.create(targeting, allow_missing=True, reach=EVERYWHERE)
        world.settle()
        assert summary(world, request) == ("completed", {"total": 0, "triggered": 0, "failed": 0, "updated": 0})

    def test_update_of_unknown_cluster_is_refused_unless_allowed_missing(self, world):
        targeting = Targeting(type=TargetType.CLUSTERS, cluster_names=("nort",))
        with pytest.raises(EdgeError) as caught:
            create(world, targeting)
        assert caught.value.details["targeting/cluster_names"][0] == "there is no cluster 'nort'"
        assert world.driver.rows(REQUESTS) == []
        assert world.fleet.updates.requests.create(targeting, allow_missing=True, reach=EVERYWHERE).parts == frozenset()

    def test_update_with_a_blank_text_filter_is_refused(self, world):
        with pytest.raises(EdgeError) as caught:
            create(world, Targeting(type=TargetType.ALL, node_filters={"version": ""}))
        assert list(caught.value.details) == ["targeting/node_filters/version"]

    def test_update_with_node_targeting_without_ids_is_refused(self, world):
        with pytest.raises(EdgeError) as caught:
            create(world, Targeting(type=TargetType.NODES))
        assert caught.value.details == {"node_ids": [required_for(TargetType.NODES)]}
        assert world.driver.rows(REQUESTS) == []


class TestAsking:
    def test_unreachable_agent_is_triggered_by_its_own_check(self, world):
        (machine,) = willing(world, 1)
        request = create(world)
        world.settle()
        assert states(world) == {machine.id: "pending"}
        assert summary(world, request) == ("processing", None)
        answer = check(world, machine)
        assert (answer.including_me, answer.inserted_at) == (True, request.inserted_at)
        sweep(world)
        assert summary(world, request) == ("completed", {"total": 1, "triggered": 1, "failed": 0, "updated": 0})
        assert len(events(world, TRIGGERED)) == 1

    def test_repeated_update_check_gives_the_same_answer_and_one_event(self, world):
        (machine,) = willing(world, 1)
        create(world)
        world.settle()
        assert check(world, machine) == check(world, machine)
        world.settle()
        assert len(events(world, TRIGGERED)) == 1

    def test_agent_restarted_after_its_update_is_not_triggered_again(self, world):
        (machine,) = willing(world, 1)
        request = create(world)
        world.settle()
        check(world, machine)
        said = a_registration(machine.id, "north", self_update_enabled=True)
        token = world.fleet.nodes.registering.register(said, None, machine.token).secrets.api_token
        answer = check(world, machine, token)
        assert (answer.including_me, answer.inserted_at) == (False, request.inserted_at)

    def test_agent_restarted_before_its_update_is_triggered(self, world):
        (machine,) = willing(world, 1)
        create(world)
        world.settle()
        said = a_registration(machine.id, "north", self_update_enabled=True)
        token = world.fleet.nodes.registering.register(said, None, machine.token).secrets.api_token
        assert check(world, machine, token).including_me

    def test_agent_enrolled_after_the_request_is_not_included(self, world):
        willing(world, 1)
        create(world)
        world.settle()
        world.clock.advance(1)
        (late,) = willing(world, 1)
        answer = check(world, late)
        assert (answer.including_me, answer.inserted_at) == (False, None)

    def test_update_check_without_a_request_answers_no(self, world):
        (machine,) = willing(world, 1)
        answer = check(world, machine)
        assert (answer.including_me, answer.inserted_at) == (False, None)

    def test_update_check_after_the_request_has_aged_out_answers_no(self, world):
        (machine,) = willing(world, 1)
        create(world)
        world.settle()
        check(world, machine)
        world.clock.advance(2 * 10_800 + 1)
        assert not check(world, machine).including_me

    def test_agent_that_disabled_self_update_is_not_triggered(self, world):
        (machine,) = willing(world, 1)
        create(world)
        world.settle()
        token = world.fleet.nodes.registering.register(
            a_registration(machine.id, "north"), None, machine.token
        ).secrets.api_token
        assert not check(world, machine, token).including_me
        assert states(world) == {machine.id: "pending"}

    def test_two_update_requests_trigger_one_update(self, world):
        (machine,) = willing(world, 1)
        first = create(world)
        world.clock.advance(5)
        second = create(world)
        world.settle()
        assert check(world, machine).inserted_at == second.inserted_at
        sweep(world)
        for request in (first, second):
            assert summary(world, request) == ("completed", {"total": 1, "triggered": 1, "failed": 0, "updated": 0})

    def test_concurrent_checks_make_one_update_event(self, world):
        (machine,) = willing(world, 1)
        create(world)
        world.settle()
        world.driver.before_next(lambda: check(world, machine), operation="TransactWriteItems", table=NODE_UPDATES)
        assert check(world, machine).including_me
        world.settle()
        assert len(events(world, TRIGGERED)) == 1

    def test_update_check_takes_two_calls_for_any_fleet_size(self, world):
        (machine,) = willing(world, 1)
        willing(world, 120)
        create(world)
        world.settle()
        check(world, machine)
        agent = world.fleet.nodes.identity.authenticate(machine.token)
        world.platform.tables.meter.reset()
        world.fleet.updates.requests.check(agent)
        assert [call.operation for call in world.platform.tables.meter.calls] == ["Query", "BatchGetItem"]


class TestWaiting:
    def test_node_connected_later_is_woken_by_the_next_sweep(self, world):
        (machine,) = willing(world, 1)
        request = create(world)
        world.settle()
        connect(world, machine)
        sweep(world)
        assert frames(world, machine) == [FRAME]
        sweep(world, 121)
        assert summary(world, request)[0] == "completed"

    def test_untriggered_nodes_fail_at_the_request_deadline(self, world):
        fleet = willing(world, 3)
        connect(world, fleet[0])
        request = create(world)
        world.settle()
        sweep(world, 10_801)
        assert summary(world, request) == ("completed", {"total": 3, "triggered": 1, "failed": 2, "updated": 0})
        assert len(events(world, TRIGGERED)) == 1
        assert not check(world, fleet[1]).including_me

    def test_update_request_with_all_messages_lost_completes(self, world):
        (machine,) = willing(world, 1)
        connect(world, machine)
        request = create(world)
        for _ in world.relay_batches():
            pass
        for _ in range(3):
            sweep(world, 300)
        assert summary(world, request) == ("completed", {"total": 1, "triggered": 1, "failed": 0, "updated": 0})

    def test_deleted_node_counts_as_failed_update(self, world):
        (machine,) = willing(world, 1)
        request = create(world)
        world.settle()
        world.fleet.nodes.placing.delete(machine.id, reach=EVERYWHERE)
        sweep(world)
        sweep(world, 121)
        assert summary(world, request) == ("completed", {"total": 1, "triggered": 0, "failed": 1, "updated": 0})

    def test_completed_update_request_has_no_due_work(self, world):
        (machine,) = willing(world, 1)
        connect(world, machine)
        create(world)
        world.settle()
        sweep(world)
        (row,) = world.driver.rows(REQUESTS)
        assert ("due" in row, "due_at" in row) == (False, False)

    def test_sweeps_of_a_waiting_request_use_exponential_backoff(self, world):
        willing(world, 1)
        create(world)
        world.settle()
        looks = 0
        for _ in range(170):
            world.clock.advance(60)
            world.sweep("sweep_commands")
            looks += len(world.queue_client.take(SELF_UPDATES))
        assert 10 < looks < 20


class TestDeleting:
    def test_only_completed_update_request_can_be_deleted_with_its_nodes(self, world):
        willing(world, 130)
        request = create(world)
        world.settle()
        with pytest.raises(EdgeError) as caught:
            world.fleet.updates.requests.delete(request.id, reach=EVERYWHERE)
        assert (caught.value.kind, caught.value.message) == (
            Kind.CONFLICT,
            "cannot delete self-update request with status 'processing' - only completed requests can be deleted",
        )
        sweep(world, 10_801)
        world.fleet.updates.requests.delete(request.id, reach=EVERYWHERE)
        world.settle(twice=True)
        assert (world.driver.rows(REQUESTS), world.driver.rows(NODE_UPDATES)) == ([], [])
        with pytest.raises(EdgeError) as caught:
            world.fleet.updates.requests.delete(request.id, reach=EVERYWHERE)
        assert caught.value.kind is Kind.NOT_FOUND

    def test_update_request_counter_follows_creations(self, world):
        create(world)
        create(world)
        world.settle(twice=True)
        assert world.platform.counters.read("self_update_requests") == 2
