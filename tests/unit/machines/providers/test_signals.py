"""News of machines and nodes."""

import pytest

from chalicelib.machines.providers.signals import Signals
from tests.support.fakes.ec2 import STAGE, FakeEc2
from tests.support.machines import INSTANCE_ID


class Woken(list):
    """Notes what is woken."""

    def wake(self, kind, resource_id):
        self.append((kind, resource_id))

    def wake_external(self, kind, external_id):
        self.append((kind, external_id))


@pytest.fixture
def woken():
    return Woken()


@pytest.fixture
def signals(woken):
    return Signals(woken)


def test_event_of_ec2_wakes_the_instance_of_its_machine(signals, clock, woken):
    client = FakeEc2(clock)
    machine_id = client.plant(STAGE)
    signals.handle(client.event(machine_id))

    assert woken == [("instance", machine_id)]


@pytest.mark.parametrize("event_type", ["fleet.node.enrolled", "fleet.node.deleted", "fleet.node.status_changed"])
def test_fact_about_a_node_wakes_the_instance_of_its_id(signals, woken, event_type):
    detail = {"id": "1", "type": event_type, "time": "2026-11-21T10:00:00Z", "data": {"node_id": INSTANCE_ID}}
    signals.handle({"source": "edge-admin.internal", "detail-type": event_type, "detail": detail})

    assert woken == [("instance", INSTANCE_ID)]


def test_message_of_neither_kind_is_an_error(signals):
    with pytest.raises(ValueError, match="no internal event"):
        signals.handle({"source": "elsewhere"})
