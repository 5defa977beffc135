"""Processes of agents that speak in a node's name, and how two that live at once are told from one that was started
again. Pure.

An agent draws an instance id at each start and sends it along. An id that another has taken the place of belongs to a
process that has ended: when it is heard again, two machines have the identity of one node.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.fleet.nodes.model import Presence
from chalicelib.kit.clock import parse_time, to_seconds_text

HEADER = "x-edge-instance"

LATE = timedelta(seconds=60)
"""How long after its successor was first heard a call of a process that has ended may still arrive: API Gateway gives a
request 29 s, and a connection on its way holds it up for some more."""

REMEMBERED = 8
"""Processes that are known to have been followed by others, the newest."""

_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}")


@dataclass(frozen=True)
class Sighting:
    """What is known of a node's processes once one of them was heard. ``former`` maps an instance id to when another
    took its place, seconds text."""

    instance_id: str | None
    former: Mapping[str, str]
    is_new: bool = False
    is_conflict: bool = False


def instance_of(values: Sequence[str]) -> str | None:
    """The instance id in the values of the header; None unless it is there once and in its form."""
    return values[0] if len(values) == 1 and _FORM.fullmatch(values[0]) else None


def look_at(presence: Presence | None, instance_id: str | None, now: datetime) -> Sighting:
    """What it means that this process was heard now; None for an agent that does not say."""
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
