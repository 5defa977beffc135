"""The bus and the sockets: what their clients answer, and what becomes of it."""

import pytest

from chalicelib.kit.bus import EVENT_SOURCE, Bus, BusError
from chalicelib.kit.sockets import FRAME_BYTES, SocketError, Sockets
from tests.support.fakes.messaging import FakeBus, FakeSocketApi

ENVELOPE = {"id": "e-1", "type": "edge.node.registered", "data": {"text": "ü"}}


class TestBus:
    def test_event_envelope_is_the_detail_of_its_bus_entry(self):
        bus = FakeBus()
        Bus(bus, "edge").publish([ENVELOPE])
        assert bus.envelopes == [ENVELOPE]
        entry = bus.entries[0]
        assert (entry["Source"], entry["DetailType"]) == (EVENT_SOURCE, ENVELOPE["type"])
        assert entry["EventBusName"] == "edge"

    def test_bus_entry_that_is_not_accepted_is_an_error(self):
        bus = FakeBus()
        bus.refuse_next = True
        with pytest.raises(BusError):
            Bus(bus, "edge").publish([ENVELOPE])

    def test_bus_refuses_more_events_than_one_call_accepts(self):
        with pytest.raises(ValueError, match="at most 10"):
            Bus(FakeBus(), "edge").publish([ENVELOPE] * 11)


class TestSockets:
    def test_frame_is_posted_to_the_socket_as_json(self):
        api = FakeSocketApi("c-1")
        assert Sockets(api).post("c-1", {"type": "executions", "ids": ["x"]})
        assert api.frames["c-1"] == [{"type": "executions", "ids": ["x"]}]

    def test_posting_to_a_closed_socket_is_false_and_no_error(self):
        sockets = Sockets(FakeSocketApi())
        assert not sockets.post("c-1", {})
        sockets.close("c-1")

    def test_other_failure_of_the_socket_api_is_an_error(self):
        api = FakeSocketApi("c-1")
        api.fails_with = "LimitExceededException"
        with pytest.raises(SocketError):
            Sockets(api).post("c-1", {})
        with pytest.raises(SocketError):
            Sockets(api).close("c-1")

    def test_socket_is_closed_through_the_api(self):
        api = FakeSocketApi("c-1")
        Sockets(api).close("c-1")
        assert api.closed == ["c-1"]

    def test_frame_above_the_gateway_limit_is_refused(self):
        with pytest.raises(ValueError, match="frame"):
            Sockets(FakeSocketApi("c-1")).post("c-1", {"text": "x" * FRAME_BYTES})
