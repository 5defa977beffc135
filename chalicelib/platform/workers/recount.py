"""Mends the totals of lists, once a day: what a lost stream or a re-created mapping left wrong."""

from collections.abc import Iterator, Sequence
from itertools import islice

from chalice.app import Blueprint, Rate

from chalicelib.kit.log import Level
from chalicelib.kit.tables import Query
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM

blueprint = Blueprint(__name__)

TOTALS_AT_ONCE = 400
"""Totals that wait for the stream together, twice. 1,000 clusters have 4,000: where all are off, they wait for seven
minutes of the fifteen; more at once, and what a counter moves meanwhile would hide more errors."""


@blueprint.schedule(Rate(1, unit=Rate.DAYS), name="recount")
@PLATFORM.scheduled("recount", lambda platform: platform.counters)
def handler(platform: Platform) -> None:
    totals = _totals(platform)
    while some := dict(islice(totals, TOTALS_AT_ONCE)):
        for total, off in platform.counters.recount(some).items():
            platform.log.line("total_corrected", level=Level.WARNING, total=total, by=off)
    for counter, off in platform.quotas.recount(platform.families.holding):
        platform.log.line("quota_corrected", level=Level.WARNING, tenant=counter.tenant, quota=counter.quota, by=off)


def _totals(platform: Platform) -> Iterator[tuple[str, Sequence[Query]]]:
    """The counters that each context declares, then those that it finds in its rows."""
    for counted in platform.families.counted:
        yield from counted.totals.items()
    for family in platform.families.each:
        for context in family.contexts:
            if context.recounts is not None:
                yield from context.recounts(platform.container_of(family))
