"""`TestEvents`: an event by which an operator sees that events arrive."""

from chalicelib.fleet.events.catalogue import EventType
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.tables import Tables
from chalicelib.platform.events.service import Envelope, Events

MESSAGE = "An operator asked for this event, to see that events arrive"


class TestEvents:
    """Publishes test events the way that all others go: over the bus, and to each webhook that subscribes to them."""

    def __init__(self, tables: Tables, clock: Clock, events: Events) -> None:
        self._tables = tables
        self._clock = clock
        self._events = events

    def publish(self) -> Envelope:
        """Publish one, in one transaction. Returns the envelope that receivers get."""
        data = {"message": MESSAGE, "requested_at": to_seconds_text(self._clock.now())}
        put, envelope = self._events.announced(EventType.CORE_TEST, data)
        self._tables.commit([put], "event.tested", result=envelope)
        return envelope
