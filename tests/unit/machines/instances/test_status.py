"""The status of an instance, as its row says, and which operation each status allows."""

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.instances.model import INSTANCE, RUNS_AS, InstanceSpec, PowerOperation, Status
from chalicelib.machines.instances.names import readable_name
from chalicelib.machines.instances.rules import Change, change_for, charge_of, status_of
from chalicelib.platform.provisioning.model import Charge, Desired, Power, Resource, State

NOW = "2026-11-28T10:00:00Z"
SPEC_OF_THE_FOURTH = InstanceSpec(
    template_id="basic-2", zone="eu-central-1a", provider="ec2", security_group_ids=("g",), group_generation=4
).stored()


def instance(state, power=Power.ON, act="", desired=Desired.PRESENT):
    return Resource(
        id="01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee",
        tenant="default",
        kind=INSTANCE,
        name="brisk-otter",
        state=state,
        power=power,
        act=act,
        desired=desired,
        inserted_at=NOW,
        updated_at=NOW,
    )


IN_STATUS = {
    Status.PROVISIONING: instance(State.CREATING),
    Status.RUNNING: instance(State.READY),
    Status.STOPPING: instance(State.CHANGING, Power.OFF),
    Status.STOPPED: instance(State.READY, Power.OFF),
    Status.STARTING: instance(State.CHANGING, Power.ON),
    Status.RESTARTING: instance(State.CHANGING, act="restart"),
    Status.TERMINATING: instance(State.DELETING, desired=Desired.ABSENT),
    Status.TERMINATED: instance(State.GONE, desired=Desired.ABSENT),
    Status.FAILED: instance(State.FAILED),
}


@pytest.mark.parametrize("status", Status)
def test_each_status_follows_from_a_row(status):
    assert status_of(IN_STATUS[status]) is status


def regrouping(state, power=Power.ON, generation=4):
    """An instance whose groups were changed by its fourth generation."""
    return instance(state, power).model_copy(update={"generation": generation, "spec": SPEC_OF_THE_FOURTH})


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (regrouping(State.CHANGING), Status.RUNNING),
        (regrouping(State.CHANGING, Power.OFF), Status.STOPPED),
        (regrouping(State.CHANGING, Power.OFF, generation=5), Status.STOPPING),
        (regrouping(State.CHANGING, generation=5), Status.STARTING),
        (regrouping(State.FAILED), Status.FAILED),
    ],
)
def test_instance_whose_groups_alone_change_stays_on_or_off_and_costs_on(row, status):
    assert status_of(row) is status
    assert (charge_of(row) is not None) is (status is Status.RUNNING)


def seen_running(state, power=Power.ON, **values):
    """An instance that was seen to run, whose first generation was carried out, and whose second is asked for."""
    given = {"external": {"id": "i-1"}, "observed": {RUNS_AS: "small"}, "spec": SPEC_OF_THE_FOURTH}
    generations = {"done_generation": 1, "asked_generation": 1, "begun_generation": 1, "generation": 2}
    return instance(state, power).model_copy(update={**given, **generations, **values})


ABSENT = {"desired": Desired.ABSENT}


@pytest.mark.parametrize(
    "row",
    [
        seen_running(State.CHANGING, Power.OFF),  # EC2 refuses to stop it
        seen_running(State.CHANGING),  # or to stop it for another type
        seen_running(State.DELETING, **ABSENT),
        seen_running(State.FAILED),
        seen_running(State.FAILED, asked_generation=2, begun_generation=2),
        seen_running(State.FAILED, Power.OFF),
        seen_running(State.FAILED, **ABSENT),
        seen_running(State.FAILED, done_generation=0),
    ],
)
def test_instance_that_is_refused_a_change_or_has_failed_costs_what_it_runs_as(row):
    assert charge_of(row) == Charge(INSTANCE, "small")


@pytest.mark.parametrize(
    "row",
    [
        seen_running(State.CREATING, done_generation=0),
        seen_running(State.CHANGING, Power.OFF, begun_generation=2),
        seen_running(State.CHANGING, Power.OFF, asked_generation=2),
        seen_running(State.DELETING, Power.OFF, asked_generation=2, generation=3, **ABSENT),
        seen_running(State.DELETING, leased_until=NOW, **ABSENT),
        seen_running(State.DELETING, is_going=True, **ABSENT),
        seen_running(State.FAILED, is_going=True, **ABSENT),
        seen_running(State.FAILED, Power.OFF, asked_generation=2),
        seen_running(State.FAILED, observed={}),
        seen_running(State.FAILED, is_released=True),
        seen_running(State.GONE, **ABSENT),
    ],
)
def test_instance_that_may_be_off_or_gone_or_was_not_seen_to_run_costs_nothing(row):
    assert charge_of(row) is None


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (instance(State.PENDING), Status.PROVISIONING),
        (instance(State.PENDING, desired=Desired.ABSENT), Status.TERMINATING),
        (instance(State.CREATING, desired=Desired.ABSENT), Status.TERMINATING),
        (instance(State.CHANGING, act="reset"), Status.RESTARTING),
        (instance(State.READY, act="restart"), Status.RUNNING),
        (instance(State.FAILED, desired=Desired.ABSENT), Status.FAILED),
    ],
)
def test_status_of_rows_between_two_steps_is_what_they_become(row, status):
    assert status_of(row) is status


ALLOWED = {
    PowerOperation.STOP: (Status.RUNNING, Change(power=Power.OFF)),
    PowerOperation.START: (Status.STOPPED, Change(power=Power.ON)),
    PowerOperation.RESTART: (Status.RUNNING, Change(act="restart")),
    PowerOperation.RESET: (Status.RUNNING, Change(act="reset")),
}
REPEATED = {
    PowerOperation.STOP: IN_STATUS[Status.STOPPING],
    PowerOperation.START: IN_STATUS[Status.STARTING],
    PowerOperation.RESTART: instance(State.CHANGING, act="restart"),
    PowerOperation.RESET: instance(State.CHANGING, act="reset"),
}


@pytest.mark.parametrize("operation", PowerOperation)
def test_operation_in_the_status_that_allows_it_sets_what_it_is_for(operation):
    status, change = ALLOWED[operation]

    assert change_for(IN_STATUS[status], operation) == change


@pytest.mark.parametrize("operation", PowerOperation)
def test_operation_that_is_under_way_sets_nothing(operation):
    assert change_for(REPEATED[operation], operation) is None


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        (operation, status)
        for operation in PowerOperation
        for status in Status
        if status is not ALLOWED[operation][0] and status is not status_of(REPEATED[operation])
    ],
)
def test_operation_in_every_other_status_is_a_conflict_that_names_both(operation, status):
    with pytest.raises(EdgeError) as refused:
        change_for(IN_STATUS[status], operation)

    assert refused.value.kind is Kind.CONFLICT
    assert operation in refused.value.message
    assert status in refused.value.message


@pytest.mark.parametrize(("under_way", "asked"), [("restart", PowerOperation.RESET), ("reset", PowerOperation.RESTART)])
def test_restart_during_a_reset_and_reset_during_a_restart_are_conflicts(under_way, asked):
    with pytest.raises(EdgeError, match="RESTARTING"):
        change_for(instance(State.CHANGING, act=under_way), asked)


def test_specification_bears_a_row_without_later_fields():
    spec = InstanceSpec.model_validate({"template_id": "local-small", "zone": "local-a", "provider": "local"})

    assert (spec.cluster_name, spec.machine) == (None, {})


def test_readable_name_of_an_id_is_always_the_same_and_differs_between_ids():
    ids = [f"01a1fd8c-9bc8-7fee-8afc-{number:012x}" for number in range(500)]

    assert readable_name(ids[0]) == readable_name(ids[0])
    assert len({readable_name(one) for one in ids}) == len(ids)
    assert all(one.replace("-", "").isalnum() and one.islower() for one in map(readable_name, ids))
