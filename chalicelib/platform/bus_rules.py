"""Events from outside a family that rules on a bus put into its queues."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kit.queues import Queue


@dataclass(frozen=True)
class Subscription:
    """Internal events of other families that are put into a queue of this one, by a rule on the bus. ``where`` names
    fields of their data, each with the texts of which it has to be one: an event that no subscription takes is not
    sent."""

    types: tuple[str, ...]
    queue: Queue
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def takes(self, event_type: str, data: Mapping[str, Any]) -> bool:
        """Whether the event is put into the queue."""
        return event_type in self.types and all(data.get(name) in texts for name, texts in self.where.items())


@dataclass(frozen=True)
class ProviderEvents:
    """Events of an AWS service that are put into a queue, by a rule on the account's default bus, where AWS publishes
    them. ``source`` is such as ``aws.ec2``, ``types`` are values of ``detail-type``. They come late, twice or never."""

    source: str
    types: tuple[str, ...]
    queue: Queue
