"""The times that tenants pay for, compared with those in which their things were at EC2, whatever rows say."""

from collections import defaultdict
from datetime import datetime, timedelta

from chalicelib.platform.billing.wiring import bills_of
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, TENANT_TAG
from tests.simulation.cloud.things import ec2
from tests.simulation.scene import Scene
from tests.support.accountant import Accountant
from tests.support.fakes.clock import START

AT_EC2 = frozenset({"instance", "volume", "snapshot", "image", "eip", "nat_gateway"})
"""The types of charges for a thing that is there."""

SKEW = timedelta(seconds=20)
"""Clocks of functions differ, and EC2 shows for some seconds how things were before."""

UNTIL_A_LOOK = timedelta(minutes=75)
"""How long it takes until the change of a thing is noticed that its row does not know of: it is looked at each hour."""

Span = tuple[datetime, datetime]


def nobody_pays_for_what_is_not_there(scene: Scene) -> None:
    there: dict[tuple[str, str], list[Span]] = defaultdict(list)
    surprised = set()
    for thing_id, tags, since, until in ec2(scene).times_there():
        key = (tags.get(TENANT_TAG, ""), tags.get(RESOURCE_TAG, ""))
        there[key].append((since, until))
        if thing_id in ec2(scene).surprised:
            surprised.add(key)
    bills, end = bills_of(scene.world.platform), scene.world.clock.now()
    for tenant in scene.recall(Accountant).tenants():
        unfounded: dict[tuple[str, str], timedelta] = defaultdict(timedelta)
        for part in bills.usage(tenant, START, end):
            if part.charged.type in AT_EC2:
                key = (tenant, part.interval.resource_id)
                unfounded[key] += _outside((part.start, part.end), _merged(there[key]))
        for key, time in unfounded.items():
            most = SKEW + (UNTIL_A_LOOK if key in surprised else timedelta())
            assert time <= most, f"{tenant} pays for {time} of {key[1]} in which it was not at EC2, at most {most}"


def _outside(paid: Span, there: list[Span]) -> timedelta:
    """How much of that time lies in none of those, which do not overlap."""
    inside = (min(paid[1], until) - max(paid[0], since) for since, until in there)
    return paid[1] - paid[0] - sum((each for each in inside if each > timedelta()), timedelta())


def _merged(spans: list[Span]) -> list[Span]:
    """The same times without those that are in two: an image and its snapshot are there beside each other."""
    merged: list[Span] = []
    for since, until in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((since, until))
    return merged


INVARIANTS = (nobody_pays_for_what_is_not_there,)
