"""The bus and the sockets: what their clients answer, and what becomes of it."""

import pytest

from chalicelib.kit.bus import EVENT_SOURCE, Bus, BusError
from chalicelib.kit.sockets import FRAME_BYTES, SocketError, Sockets
from tests.support.fakes.messaging import FakeBus, FakeSocketApi

ENVELOPE = {"id": "e-1", "type": "edge.node.registered", "data": {"text": "ü"}}


class TestBus:
    def test_puts_the_envelope_as_detail(self):
        bus = FakeBus()
        Bus(bus, "edge").publish([ENVELOPE])
        assert bus.envelopes == [ENVELOPE]
        entry = bus.entries[0]
        assert (entry["Source"], entry["DetailType"]) == (EVENT_SOURCE, ENVELOPE["type"])
        assert entry["EventBusName"] == "edge"

    def test_an_entry_that_is_not_taken_is_an_error(self):
        bus = FakeBus()
        bus.refuse_next = True
        with pytest.raises(BusError):
            Bus(bus, "edge").publish([ENVELOPE])

    def test_refuses_more_than_a_call_takes(self):
        with pytest.raises(ValueError, match="at most 10"):
            Bus(FakeBus(), "edge").publish([ENVELOPE] * 11)


class TestSockets:
    def test_posts_json(self):
        api = FakeSocketApi("c-1")
        assert Sockets(api).post("c-1", {"type": "executions", "ids": ["x"]})
        assert api.frames["c-1"] == [{"type": "executions", "ids": ["x"]}]

    def test_a_socket_that_is_gone_is_an_answer(self):
        sockets = Sockets(FakeSocketApi())
        assert not sockets.post("c-1", {})
        sockets.close("c-1")

    def test_anything_else_is_an_error(self):
        api = FakeSocketApi("c-1")
        api.fails_with = "LimitExceededException"
        with pytest.raises(SocketError):
            Sockets(api).post("c-1", {})
        with pytest.raises(SocketError):
            Sockets(api).close("c-1")

    def test_closes(self):
        api = FakeSocketApi("c-1")
        Sockets(api).close("c-1")
        assert api.closed == ["c-1"]

    def test_refuses_a_frame_that_the_gateway_would_not_send(self):
        with pytest.raises(ValueError, match="frame"):
            Sockets(FakeSocketApi("c-1")).post("c-1", {"text": "x" * FRAME_BYTES})
