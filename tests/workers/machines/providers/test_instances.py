"""The life of an instance through the deployed workers: on EC2 as a strict fake plays it, and as the emulator does."""

import json

import pytest

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.model import NewUsername
from chalicelib.fleet.ssh.store import USERNAMES
from chalicelib.platform.provisioning.model import Changes, Power, State
from tests.support.builders import a_cluster
from tests.support.fakes.messaging import QUEUE_URL_PREFIX
from tests.support.instances import CLUSTER, InstanceWorld


class Place:
    """A world, and the machines that are there in it."""

    def __init__(self, name, client=None):
        self.name = name
        self.world = InstanceWorld(client)
        self.client = self.world.machine_client

    def alive(self):
        """The ids of the machines that are there."""
        if self.name == "strict":
            return [each.id for each in self.world.ec2.alive()]
        found = self.client.describe_instances()["Reservations"]
        every = [each for reservation in found for each in reservation["Instances"]]
        return [each["InstanceId"] for each in every if each["State"]["Name"] != "terminated"]


@pytest.fixture(params=["strict", "emulator"])
def place(request):
    client = None if request.param == "strict" else request.getfixturevalue("emulator").client("ec2")
    return Place(request.param, client)


@pytest.fixture
def world(place):
    return place.world


@pytest.fixture
def strict():
    """A world on the strict fake, for what the emulator cannot do."""
    return InstanceWorld()


class TestOnBoth:
    def test_instance_becomes_ready_with_its_addresses(self, place, world):
        made = world.create()
        ready = world.reach(made, State.READY)

        assert [ready.external["id"]] == place.alive()
        assert ready.observed["internal_ip"]
        assert ready.reason == ""

    def test_stop_start_and_restart_keep_the_machine(self, place, world):
        made = world.reach(world.create(), State.READY)
        for changes in (Changes(power=Power.OFF), Changes(power=Power.ON), Changes(act="restart")):
            changed = world.change(made, changes)
            ready = world.reach(made, State.READY)

            assert ready.done_generation == changed.generation
            assert ready.external == made.external

    def test_deleted_instance_leaves_no_machine_and_returns_the_quota(self, place, world):
        made = world.reach(world.create(), State.READY)
        world.delete(made)
        world.reach(made, State.GONE)

        assert (place.alive(), world.used()) == ([], 0)

    def test_messages_that_come_twice_make_one_machine(self, place, world):
        made = world.create()
        for _ in range(5):
            world.settle(twice=True)
            world.pass_time(10)
        world.reach(made, State.READY)

        assert len(place.alive()) == 1

    @pytest.mark.parametrize("writes", range(1, 5))
    def test_crash_between_any_two_writes_makes_one_machine(self, place, world, writes):
        made = world.create()
        world.settle(crash_after=writes)
        world.reach(made, State.READY)

        assert len(place.alive()) == 1

    @pytest.mark.parametrize("seconds", [0, 1, 3, 25, 60])
    def test_deletion_at_any_moment_leaves_no_machine(self, place, world, seconds):
        made = world.create()
        if seconds:
            world.settle()
            world.pass_time(seconds)
        world.delete(made)
        world.reach(made, State.GONE)
        world.pass_time(400, 20)

        assert (place.alive(), world.used()) == ([], 0)

    def test_machine_that_somebody_terminated_is_told_and_its_quota_returned(self, place, world):
        made = world.reach(world.create(), State.READY)
        place.client.terminate_instances(InstanceIds=place.alive())
        world.pass_time(4000, 20)
        lost = world.row(made)

        assert lost.state is State.FAILED
        assert "Delete it and create it again" in lost.reason
        assert world.used() == 0


class TestRestart:
    def restarted(self, strict, **settling):
        """A running instance after a restart whose first message is handled so."""
        made = strict.reach(strict.create(), State.READY)
        changed = strict.change(made, Changes(act="restart"))
        strict.settle(**settling)
        row = strict.reach(made, State.READY)
        assert (row.act, row.done_generation) == ("", changed.generation)
        (machine,) = strict.ec2.alive()
        return row, machine

    def test_restart_is_one_reboot_and_says_nothing(self, strict):
        row, machine = self.restarted(strict)
        assert (machine.reboots, row.reason) == (1, "")

    def test_crash_after_the_reboot_makes_no_second_one_and_the_doubt_is_told(self, strict):
        strict.ec2.crash_after("RebootInstances")
        row, machine = self.restarted(strict)
        assert machine.reboots == 1
        assert "ask again if it was not" in row.reason

    @pytest.mark.parametrize("writes", range(1, 5))
    def test_crash_after_any_write_makes_one_reboot_or_tells_the_doubt(self, strict, writes):
        row, machine = self.restarted(strict, crash_after=writes)
        is_told = "ask again if it was not" in row.reason
        assert machine.reboots == (0 if is_told else 1)

    def test_lost_answer_makes_no_second_reboot_and_the_doubt_is_told(self, strict):
        strict.ec2.lose_answer("RebootInstances")
        row, machine = self.restarted(strict)
        assert machine.reboots == 1
        assert "ask again if it was not" in row.reason

    def test_throttled_reboot_is_tried_until_it_is_done_once(self, strict):
        strict.ec2.fail("RebootInstances", "RequestLimitExceeded", status=503, times=2)
        row, machine = self.restarted(strict)
        assert (machine.reboots, row.reason) == (1, "")

    def test_restart_that_is_asked_for_again_after_a_doubt_is_carried_out(self, strict):
        strict.ec2.lose_answer("RebootInstances")
        row, machine = self.restarted(strict)
        strict.change(row, Changes(act="restart"))
        again = strict.reach(row, State.READY)
        assert (machine.reboots, again.reason) == (2, "")


class TestEnrolment:
    def test_instance_is_ready_once_its_agent_has_enrolled(self, strict):
        a_cluster(strict, CLUSTER)
        made = strict.create(cluster=CLUSTER)
        strict.settle()
        strict.pass_time(60)
        assert strict.row(made).state is State.CREATING

        assert strict.enrol(made)
        strict.settle()
        ready = strict.row(made)
        assert ready.state is State.READY
        assert (ready.observed["node_id"], ready.observed["node_status"]) == (made.id, "healthy")

    def test_agent_that_does_not_enrol_in_fifteen_minutes_fails_with_the_remedy(self, strict):
        a_cluster(strict, CLUSTER)
        made = strict.create(cluster=CLUSTER)
        failed = strict.reach(made, State.FAILED, seconds=16 * 60, step=5)

        assert "agent did not enrol" in failed.reason
        assert "console" in failed.reason
        assert len(strict.ec2.alive()) == 1
        assert not strict.key_works(made)

    def test_machine_that_enrols_too_late_by_another_key_mends_it(self, strict):
        a_cluster(strict, CLUSTER)
        made = strict.create(cluster=CLUSTER)
        strict.reach(made, State.FAILED, step=5)
        key = strict.fleet.enrollment.create(CLUSTER, {}, reach=EVERYWHERE)
        strict.enrol(made, key=strict.fleet.enrollment.reveal(key))
        strict.settle()

        assert strict.row(made).state is State.READY

    def test_deleted_instance_takes_node_key_and_way_back_with_it(self, strict):
        a_cluster(strict, CLUSTER)
        made = strict.create(cluster=CLUSTER)
        strict.settle()
        strict.pass_time(30)
        strict.enrol(made)
        strict.reach(made, State.READY)
        strict.delete(made)
        strict.reach(made, State.GONE)

        assert strict.fleet.nodes.reading.find_many([made.id]) == []
        assert not strict.key_works(made)
        assert not strict.enrol(made)
        assert strict.ec2.alive() == []

    def test_deleted_instance_takes_the_logins_of_its_node_with_it(self, strict):
        a_cluster(strict, CLUSTER)
        made = strict.create(cluster=CLUSTER)
        strict.settle()
        strict.pass_time(30)
        strict.enrol(made)
        strict.reach(made, State.READY)
        strict.fleet.ssh.usernames.create(made.id, NewUsername("ada"), reach=EVERYWHERE)
        strict.delete(made)
        strict.reach(made, State.GONE)

        assert strict.driver.rows(USERNAMES) == []

    def test_instance_that_is_deleted_before_its_agent_enrols_lets_none_in(self, strict):
        a_cluster(strict, CLUSTER)
        made = strict.create(cluster=CLUSTER)
        strict.settle()
        strict.pass_time(30)
        answer = strict.fleet.enrollment.verify(strict.key_of(made).reveal(), made.id)
        strict.delete(made)
        strict.settle()

        assert answer.verified
        assert not strict.enrol(made)

    def test_node_that_was_deleted_is_said_at_once(self, strict):
        a_cluster(strict, CLUSTER)
        made = strict.create(cluster=CLUSTER)
        strict.settle()
        strict.pass_time(30)
        strict.enrol(made)
        strict.reach(made, State.READY)
        strict.fleet.nodes.placing.delete(made.id, reach=EVERYWHERE)
        strict.pass_time(3)
        told = strict.row(made)

        assert told.state is State.FAILED
        assert told.reason.startswith("its node was deleted from the fleet")
        assert len(strict.ec2.alive()) == 1

    def test_cluster_that_is_not_there_is_refused_with_the_remedy(self, strict):
        made = strict.create(cluster="bars")
        failed = strict.reach(made, State.FAILED)

        assert "there is no cluster bars: create it" in failed.reason
        assert strict.ec2.machines == {}

    def test_key_is_in_no_row_log_or_message(self, strict):
        a_cluster(strict, CLUSTER)
        made = strict.create(cluster=CLUSTER)
        strict.reach(made, State.CREATING)
        key = strict.key_of(made).reveal()

        assert key not in repr(strict.driver.snapshot())
        assert key not in repr(strict.lines.texts)
        assert key not in repr(strict.queue_client.sent)
        assert key not in repr(strict.bus_client.entries)


class TestTrouble:
    @pytest.mark.parametrize("code", ["RequestLimitExceeded", "InternalError", "InsufficientInstanceCapacity"])
    def test_passing_error_of_a_launch_ends_in_one_machine(self, strict, code):
        strict.ec2.fail("RunInstances", code, 503, times=3)
        strict.reach(strict.create(), State.READY)

        assert len(strict.ec2.alive()) == 1

    def test_answer_that_was_lost_ends_in_one_machine(self, strict):
        strict.ec2.lose_answer("RunInstances")
        strict.reach(strict.create(), State.READY)

        assert len(strict.ec2.alive()) == 1

    def test_answer_that_was_lost_is_removed_with_its_instance(self, strict):
        strict.ec2.lag_seconds = 30
        strict.ec2.lose_answer("RunInstances")
        made = strict.create()
        strict.settle()
        strict.delete(made)
        strict.reach(made, State.GONE)
        strict.pass_time(400, 20)

        assert (strict.ec2.alive(), strict.used()) == ([], 0)

    def test_lasting_lack_of_capacity_fails_with_the_remedy(self, strict):
        strict.ec2.full_subnets = {"subnet-0a"}
        failed = strict.reach(strict.create(), State.FAILED, step=5)

        assert "use another zone or template" in failed.reason
        strict.reach(strict.create(zone="eu-central-1b"), State.READY)

    def test_machine_that_dies_before_it_runs_says_why(self, strict):
        strict.ec2.dies_at_start = "Client.InternalError"
        failed = strict.reach(strict.create(), State.FAILED)

        assert "default key for disks" in failed.reason

    def test_limit_of_the_account_fails_at_once_with_the_remedy(self, strict):
        strict.ec2.vcpu_limit = 2
        strict.reach(strict.create(), State.READY)
        failed = strict.reach(strict.create(), State.FAILED, seconds=60)

        assert "have it raised in Service Quotas" in failed.reason
        assert strict.used() == 1

    def test_missing_permission_names_the_operator(self, strict):
        strict.ec2.fail("RunInstances", "UnauthorizedOperation", 403)
        failed = strict.reach(strict.create(), State.FAILED)

        assert "the operator has to look at its permissions" in failed.reason

    def test_machine_that_shut_itself_down_is_followed(self, strict):
        made = strict.reach(strict.create(), State.READY)
        strict.ec2.power_off(made.external["id"])
        strict.pass_time(4000, 20)
        stopped = strict.row(made)

        assert (stopped.state, stopped.power) == (State.READY, Power.OFF)

    def test_event_of_ec2_has_the_instance_looked_at(self, strict):
        made = strict.reach(strict.create(), State.READY)
        strict.ec2.end(made.external["id"], "Server.ScheduledStop")
        strict.pass_time(3)
        event = strict.ec2.event(made.external["id"])
        strict.queue_client.send_message_batch(
            QueueUrl=f"{QUEUE_URL_PREFIX}instance-signals", Entries=[{"Id": "1", "MessageBody": json.dumps(event)}]
        )
        strict.settle()
        lost = strict.row(made)

        assert lost.state is State.FAILED
        assert "retired the machine's host" in lost.reason

    def test_stranger_is_reported_with_its_price_and_left_alone(self, strict):
        strict.reach(strict.create(), State.READY)
        stranger = strict.ec2.plant(strict.ec2.stage, **{"edge-admin:resource": "019ac1e5-7d00-7000-8000-00000000000f"})
        strict.pass_time(3)
        strict.sweep("report_strangers")
        reported = [line for line in strict.lines.texts if stranger in line]

        assert reported
        assert "0.0230 USD" in reported[-1]
        assert len(strict.ec2.alive()) == 2

    def test_machine_of_another_stage_is_no_stranger(self, strict):
        other = strict.ec2.plant("edge-admin-other")
        strict.pass_time(3)
        strict.sweep("report_strangers")

        assert not [line for line in strict.lines.texts if other in line]
