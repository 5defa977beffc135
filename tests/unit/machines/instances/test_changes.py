"""The published events of instances."""

import pytest

from chalicelib.machines.api.compute.event_description import MACHINE_EVENTS, InstanceStatusChangedEvent
from chalicelib.machines.instances.changes import STATUS_CHANGED, events_of
from chalicelib.machines.instances.model import INSTANCE, InstanceSpec
from chalicelib.platform.provisioning.model import Power, Resource, State

NOW = "2026-11-28T10:00:00Z"
SPEC = InstanceSpec(template_id="local-small", zone="local-a", provider="local", cluster_name="north")


def instance(state, **values):
    return Resource(
        id="01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee",
        tenant="acme",
        kind=INSTANCE,
        name="brisk-otter",
        owner="user-1",
        state=state,
        power=Power.ON,
        spec=SPEC.model_dump(),
        inserted_at=NOW,
        updated_at=NOW,
        **values,
    )


def test_new_instance_is_an_event_without_a_previous_status():
    ((event_type, data),) = events_of(None, instance(State.PENDING))

    assert event_type == STATUS_CHANGED
    assert (data["status"], data["previous_status"], data["customer_id"]) == ("PROVISIONING", None, "acme")


def test_change_of_status_is_an_event_that_fits_its_published_shape():
    ready = instance(State.READY, external={"id": "i-1"}, observed={"node_id": "n-1"})
    ((_, data),) = events_of(instance(State.CREATING), ready)

    read = InstanceStatusChangedEvent.model_validate(data)
    assert (read.status, read.previous_status, read.provider_id, read.node_id) == (
        "RUNNING",
        "PROVISIONING",
        "i-1",
        "n-1",
    )


def test_failure_is_an_event_with_its_reason():
    ((_, data),) = events_of(instance(State.CREATING), instance(State.FAILED, reason="no capacity in zone local-a"))

    assert (data["status"], data["status_reason"]) == ("FAILED", "no capacity in zone local-a")


@pytest.mark.parametrize("new", [instance(State.CREATING), instance(State.PENDING, attempts=3)])
def test_change_within_a_status_is_no_event(new):
    assert [*events_of(instance(State.PENDING), new)] == []


def test_every_published_event_has_a_description():
    assert set(MACHINE_EVENTS.events) == {STATUS_CHANGED}
