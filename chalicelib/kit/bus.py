"""Publishes events on the EventBridge bus, from which subscribers outside the installation receive them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chalicelib.kit.queues import BATCH_LIMIT, to_body

EVENT_SOURCE = "edge-admin"
"""The ``source`` of the published events on the bus, for rules to match."""

INTERNAL_SOURCE = f"{EVENT_SOURCE}.internal"
"""The ``source`` of events for other families of this installation, in their envelopes and on the bus. No rule for
published events matches it."""


class BusError(Exception):
    """EventBridge did not accept some entries. All may be published again: consumers recognise repeats by the event's
    id."""


class BusClient(Protocol):
    """The part of boto3's EventBridge client that is used."""

    def put_events(self, *, Entries: Sequence[Any]) -> Any: ...  # noqa: N803 - boto3's names


class Bus:
    """Puts CloudEvents envelopes on one bus."""

    def __init__(self, client: BusClient, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def publish(self, envelopes: Sequence[Mapping[str, Any]]) -> None:
        """Put up to 10 envelopes (PutEvents API reference). Raises `BusError` when one is not taken."""
        if len(envelopes) > BATCH_LIMIT:
            raise ValueError(f"PutEvents takes at most {BATCH_LIMIT} entries, not {len(envelopes)}")
        entries = [
            {
                "EventBusName": self._bus_name,
                "Source": INTERNAL_SOURCE if envelope.get("source") == INTERNAL_SOURCE else EVENT_SOURCE,
                "DetailType": envelope["type"],
                "Detail": to_body(envelope),  # a rule may pass it on to a queue
            }
            for envelope in envelopes
        ]
        answer = self._client.put_events(Entries=entries)
        if answer.get("FailedEntryCount"):
            raise BusError(f"{answer['FailedEntryCount']} of {len(entries)} events were not taken")
