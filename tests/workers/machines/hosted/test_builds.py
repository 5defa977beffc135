"""Builds of hosted nodes by the deployed strings: what each action comes to, and what ends it."""

import json
from datetime import timedelta

import pytest

from chalicelib.fleet.public import UpdateFacts, UpdateState
from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.hosted.model import Action, BuildStatus, Phase, Status
from chalicelib.machines.hosted.store import TABLE
from chalicelib.platform.provisioning.model import Power, State
from chalicelib.platform.webhooks.store import WEBHOOKS
from tests.support.hosting import HOST, NETWORK, NEWEST, TENANT, URL, Hosting


@pytest.fixture
def hosting() -> Hosting:
    return Hosting()


def told(hosting: Hosting) -> list[str]:
    """The statuses that the node's receiver has got, in the order of their events."""
    bodies = [json.loads(received.body) for received in hosting.world.exchange.of(HOST)]
    return [body["details"]["status"] for body in sorted(bodies, key=lambda body: body["eventTimestamp"])]


class TestCreate:
    def test_new_node_waits_for_its_instance_which_has_its_id(self, hosting: Hosting) -> None:
        node = hosting.create()

        made = hosting.instances.get(TENANT, node.id)
        assert (made.spec["cluster_name"], made.name) == (NETWORK, node.name)
        assert hosting.get(node.id).build.phase is Phase.PROVISIONING
        assert hosting.get(node.id).status is Status.IN_PROGRESS

    def test_build_goes_through_its_phases_as_the_instance_does(self, hosting: Hosting) -> None:
        node = hosting.create()
        hosting.instance_is(node.id, State.CREATING, external={"id": "p"}, reason="waiting for the agent")
        assert (hosting.get(node.id).build.phase, hosting.get(node.id).build.reason) == (
            Phase.ENROLLING,
            "waiting for the agent",
        )

        hosting.instance_runs(node.id, version="0.2.0+b1")

        done = hosting.get(node.id)
        assert (done.status, done.is_initialized, done.program) == (Status.RUNNING, True, "0.2.0+b1")
        assert (done.build.status, done.build.phase) == (BuildStatus.SUCCESS, Phase.COMPLETED)
        assert done.due_at is None, "a node at rest costs nothing"

    def test_quota_that_is_used_up_fails_the_build_with_its_reason(self, hosting: Hosting) -> None:
        hosting.instances.refuses = EdgeError(Kind.FORBIDDEN, "Quota exceeded", code="quota_exceeded")
        node = hosting.get(hosting.create().id)

        assert (node.status, node.reason, node.is_initialized) == (Status.FAILED, "Quota exceeded", False)
        assert (node.build.status, node.build.reason) == (BuildStatus.FAILURE, "Quota exceeded")

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"state": State.FAILED, "reason": "no capacity in local-a: try another zone"}, "no capacity in local-a"),
            ({"state": State.GONE}, "its instance is TERMINATED"),
        ],
    )
    def test_instance_that_fails_or_goes_fails_the_build(self, hosting: Hosting, change, reason: str) -> None:
        node = hosting.create()
        hosting.instance_is(node.id, **change)

        failed = hosting.get(node.id)
        assert failed.status is Status.FAILED
        assert reason in failed.reason
        assert failed.build.phase is Phase.PROVISIONING, "the phase that it failed in"

    def test_build_that_does_not_end_fails_at_its_deadline(self, hosting: Hosting) -> None:
        node = hosting.create()
        hosting.instance_is(node.id, State.CREATING, external={"id": "p"}, reason="waiting for the agent")
        for _ in range(14):
            hosting.later()

        failed = hosting.get(node.id)
        assert failed.status is Status.FAILED
        assert failed.reason == "CREATE did not end within 25 minutes: waiting for the agent"
        assert failed.due_at is None

    def test_failed_node_can_be_destroyed(self, hosting: Hosting) -> None:
        node = hosting.create()
        hosting.instance_is(node.id, State.FAILED, reason="broken")

        hosting.begin(node.id, Action.DESTROY)
        hosting.instance_goes(node.id)

        assert hosting.get(node.id).status is Status.DESTROYED


class TestPower:
    def test_stopped_node_is_paused_and_starts_again(self, hosting: Hosting) -> None:
        node = hosting.running()
        assert hosting.begin(node.id, Action.STOP).status is Status.IN_PROGRESS
        hosting.instance_is(node.id, State.READY)
        assert hosting.get(node.id).status is Status.PAUSED

        assert hosting.begin(node.id, Action.START).status is Status.STARTING
        hosting.instance_is(node.id, State.READY, observed={"node_status": "unhealthy"})
        assert hosting.get(node.id).build.phase is Phase.ENROLLING
        hosting.instance_runs(node.id)

        started = hosting.get(node.id)
        assert started.status is Status.RUNNING
        assert [build.status for build in started.builds] == [BuildStatus.SUCCESS] * len(("create", "stop", "start"))

    @pytest.mark.parametrize("change", [{"act": "restart"}, {"power": Power.ON}])
    def test_stop_waits_for_a_machine_that_is_starting_and_stops_it(self, hosting: Hosting, change) -> None:
        node = hosting.running()
        hosting.instances.become(TENANT, node.id, state=State.CHANGING, **change)
        hosting.begin(node.id, Action.STOP)
        waiting = hosting.get(node.id)
        assert waiting.build.phase is Phase.SUBMITTED
        assert waiting.build.reason.startswith("its instance is ")

        hosting.instance_is(node.id, State.READY, act="")
        assert hosting.instances.get(TENANT, node.id).power is Power.OFF
        hosting.instance_is(node.id, State.READY)
        assert hosting.get(node.id).status is Status.PAUSED

    def test_start_waits_for_a_machine_that_is_stopping_and_starts_it(self, hosting: Hosting) -> None:
        node = hosting.running()
        hosting.begin(node.id, Action.STOP)
        hosting.instance_is(node.id, State.READY)
        hosting.instance_is(node.id, State.CHANGING, power=Power.OFF)
        hosting.begin(node.id, Action.START)
        assert hosting.get(node.id).build.phase is Phase.SUBMITTED

        hosting.instance_is(node.id, State.READY)
        assert hosting.instances.get(TENANT, node.id).power is Power.ON
        hosting.instance_runs(node.id)
        assert hosting.get(node.id).status is Status.RUNNING

    def test_start_whose_instance_fails_leaves_a_failed_node(self, hosting: Hosting) -> None:
        node = hosting.running()
        hosting.begin(node.id, Action.STOP)
        hosting.instance_is(node.id, State.READY)
        hosting.begin(node.id, Action.START)
        hosting.instance_is(node.id, State.FAILED, reason="no capacity")

        failed = hosting.get(node.id)
        assert (failed.status, failed.reason, failed.is_initialized) == (Status.FAILED, "no capacity", True)

    def test_agent_that_does_not_come_back_fails_the_start_of_a_machine_that_runs(self, hosting: Hosting) -> None:
        node = hosting.running()
        hosting.begin(node.id, Action.STOP)
        hosting.instance_is(node.id, State.READY)
        hosting.begin(node.id, Action.START)
        hosting.instance_is(node.id, State.READY, observed={"node_status": "unreachable"})
        for _ in range(8):
            hosting.later()

        late = hosting.get(node.id)
        assert late.build.reason == "START did not end within 15 minutes: its agent has not connected yet"
        assert late.status is Status.RUNNING, "that is what its machine is"


class TestUpgrade:
    def test_upgrade_has_the_agent_update_itself_and_notes_the_version(self, hosting: Hosting) -> None:
        node = hosting.running()
        asked = hosting.begin(node.id, Action.UPGRADE)
        assert (asked.status, asked.build.phase) == (Status.IN_PROGRESS, Phase.CONFIGURING)
        assert hosting.fleet.asked == [(node.id, NEWEST)]

        hosting.fleet.updates[asked.build.id] = UpdateFacts(UpdateState.UPDATED, NEWEST)
        hosting.later()

        done = hosting.get(node.id)
        assert (done.status, done.program, done.build.status) == (Status.RUNNING, NEWEST, BuildStatus.SUCCESS)

    def test_failed_update_is_told_by_the_build_and_the_node_goes_on(self, hosting: Hosting) -> None:
        node = hosting.running()
        asked = hosting.begin(node.id, Action.UPGRADE)
        hosting.fleet.updates[asked.build.id] = UpdateFacts(UpdateState.FAILED, reason="it went back")
        hosting.later()

        done = hosting.get(node.id)
        assert (done.build.status, done.build.reason) == (BuildStatus.FAILURE, "it went back")
        assert (done.status, done.reason, done.program) == (Status.RUNNING, "", "0.2.0+b1")

    def test_node_that_runs_the_latest_version_is_asked_for_nothing(self, hosting: Hosting) -> None:
        node = hosting.running()
        hosting.fleet.nodes[node.id] = NEWEST

        done = hosting.begin(node.id, Action.UPGRADE)

        assert (done.build.status, done.program, hosting.fleet.asked) == (BuildStatus.SUCCESS, NEWEST, [])

    def test_installation_without_a_version_fails_the_upgrade(self, hosting: Hosting) -> None:
        node = hosting.running()
        hosting.fleet.newest = None

        done = hosting.begin(node.id, Action.UPGRADE)

        assert done.build.reason == "this installation serves no version to upgrade to"

    def test_upgrade_of_a_node_whose_machine_is_lost_fails_at_once_and_says_why(self, hosting: Hosting) -> None:
        node = hosting.running()
        hosting.begin(node.id, Action.UPGRADE)
        hosting.instance_is(node.id, State.FAILED, reason="the provider lost it")

        done = hosting.get(node.id)
        assert (done.build.status, done.build.reason) == (BuildStatus.FAILURE, "the provider lost it")
        assert (done.status, done.reason) == (Status.FAILED, "the provider lost it")


class TestSettings:
    def test_failed_node_with_another_receiver_still_says_why_it_failed(self, hosting: Hosting) -> None:
        node = hosting.running()
        hosting.instance_is(node.id, State.FAILED, reason="the provider lost it")
        hosting.nodes.set_webhook(TENANT, node.id, URL)
        hosting.settle()

        done = hosting.get(node.id)
        assert done.build.status is BuildStatus.SUCCESS
        assert (done.status, done.reason) == (Status.FAILED, "the provider lost it")

    def test_new_receiver_gets_the_next_status(self, hosting: Hosting) -> None:
        node = hosting.running()
        hosting.nodes.set_webhook(TENANT, node.id, URL)
        hosting.settle()
        changed = hosting.get(node.id)
        assert (changed.webhook_url, changed.build.action, changed.build.status) == (
            URL,
            Action.SETTINGS,
            BuildStatus.SUCCESS,
        )
        assert changed.status is Status.RUNNING

        hosting.begin(node.id, Action.STOP)

        assert told(hosting) == ["IN_PROGRESS"]

    def test_same_receiver_again_is_no_build(self, hosting: Hosting) -> None:
        node = hosting.running(url=URL)

        assert hosting.nodes.set_webhook(TENANT, node.id, URL) == hosting.get(node.id) == node

    def test_no_receiver_ends_the_webhook(self, hosting: Hosting) -> None:
        node = hosting.running(url=URL)
        before = len(told(hosting))
        hosting.nodes.set_webhook(TENANT, node.id, "")
        hosting.settle()
        hosting.begin(node.id, Action.STOP)

        assert hosting.get(node.id).webhook_url == ""
        assert len(told(hosting)) == before
        assert not hosting.world.driver.rows(WEBHOOKS)


class TestDestroy:
    def test_destroyed_node_stays_readable_and_its_webhook_is_told(self, hosting: Hosting) -> None:
        node = hosting.running(url=URL)
        assert hosting.begin(node.id, Action.DESTROY).status is Status.IN_PROGRESS
        hosting.instance_goes(node.id)

        gone = hosting.get(node.id)
        assert (gone.status, gone.build.status) == (Status.DESTROYED, BuildStatus.SUCCESS)
        assert [node.id for node in hosting.nodes.every(TENANT)] == [node.id]
        assert told(hosting) == ["IN_PROGRESS", "RUNNING", "IN_PROGRESS", "DESTROYED"]

    def test_row_of_a_destroyed_node_alone_expires(self, hosting: Hosting) -> None:
        there, gone = hosting.running(), hosting.running(url=URL)
        hosting.begin(gone.id, Action.DESTROY)
        hosting.instance_goes(gone.id)
        hosting.world.clock.advance(2 * 86_400)
        hosting.world.sweep("sweep_hosted_builds")
        hosting.settle()

        rows = {row["id"]: row for row in hosting.world.driver.rows(TABLE)}
        ended = parse_time(str(hosting.get(gone.id).build.ended_at))
        assert rows[gone.id][TABLE.expires_at or ""] == int((ended + timedelta(days=92)).timestamp())
        assert TABLE.expires_at not in rows[there.id]

    def test_webhook_of_a_destroyed_node_ends_after_two_days(self, hosting: Hosting) -> None:
        node = hosting.running(url=URL)
        hosting.begin(node.id, Action.DESTROY)
        hosting.instance_goes(node.id)
        hosting.tell(node.id)
        hosting.settle()
        assert hosting.world.driver.rows(WEBHOOKS)

        hosting.later(2 * 86_400 + 1)

        assert not hosting.world.driver.rows(WEBHOOKS)
        assert hosting.get(node.id).due_at is None

    def test_instance_that_cannot_be_removed_fails_the_build_which_may_be_repeated(self, hosting: Hosting) -> None:
        node = hosting.running()
        hosting.begin(node.id, Action.DESTROY)
        hosting.instance_is(node.id, State.FAILED, reason="the provider refuses")
        assert (hosting.get(node.id).status, hosting.get(node.id).reason) == (Status.FAILED, "the provider refuses")

        hosting.begin(node.id, Action.DESTROY)
        hosting.instance_goes(node.id)

        assert hosting.get(node.id).status is Status.DESTROYED


class TestWithoutABuild:
    @pytest.mark.parametrize(
        ("change", "status", "reason"),
        [
            ({"state": State.FAILED, "reason": "the provider lost it"}, Status.FAILED, "the provider lost it"),
            ({"state": State.READY, "power": Power.OFF}, Status.PAUSED, ""),
            ({"state": State.GONE}, Status.FAILED, "its instance is TERMINATED"),
        ],
    )
    def test_node_follows_its_instance(self, hosting: Hosting, change, status: Status, reason: str) -> None:
        node = hosting.running(url=URL)
        hosting.instance_is(node.id, **change)

        now = hosting.get(node.id)
        assert (now.status, now.reason) == (status, reason)
        assert told(hosting)[-1] == status.value

    def test_instance_that_is_no_hosted_node_and_other_kinds_are_passed_over(self, hosting: Hosting) -> None:
        hosting.tell("0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b")
        hosting.tell("0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b", kind="volume")
        hosting.settle()
