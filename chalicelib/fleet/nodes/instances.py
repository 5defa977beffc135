"""Tells a restarted agent process from two machines that use one node's identity. Pure.

An agent draws an instance id at each start and sends it with every call. A replaced id belongs to a process that has
ended: if it is seen again, two machines have the identity of one node.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.fleet.nodes.model import Presence
from chalicelib.kit.clock import parse_time, to_seconds_text

HEADER = "x-edge-instance"

LATE = timedelta(seconds=60)
"""How long calls of an ended process may still arrive after the first call of its successor: API Gateway gives a
request 29 s, and a slow connection delays it further."""

REMEMBERED = 8
"""The number of former processes to remember, newest first."""

_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}")


@dataclass(frozen=True)
class Sighting:
    """The known processes of a node after a call of one of them. ``former`` maps an instance id to the time at which it
    was replaced, seconds text."""

    instance_id: str | None
    former: Mapping[str, str]
    is_new: bool = False
    is_conflict: bool = False


def instance_of(values: Sequence[str]) -> str | None:
    """The instance id in the values of the header; None unless it is there once and in its form."""
    return values[0] if len(values) == 1 and _FORM.fullmatch(values[0]) else None


def came_at(presence: Presence | None) -> datetime | None:
    """When the present process took over from another one; None if it is the first, or says nothing."""
    if presence is None or presence.instance_id is None or not presence.former_instances:
        return None
    return parse_time(max(presence.former_instances.values()))


def look_at(presence: Presence | None, instance_id: str | None, now: datetime) -> Sighting:
    """The processes after a call of this one; None for an agent that sends no instance id."""
    known = None if presence is None else presence.instance_id
    former = {} if presence is None else presence.former_instances
    if instance_id is None or instance_id == known:
        return Sighting(known, former)
    if instance_id in former:
        return Sighting(known, former, is_conflict=now - parse_time(former[instance_id]) >= LATE)
    if known is not None:
        former = {**former, known: to_seconds_text(now)}
    newest = sorted(former.items(), key=lambda pair: pair[1])[-REMEMBERED:]
    return Sighting(instance_id, dict(newest), is_new=True)
