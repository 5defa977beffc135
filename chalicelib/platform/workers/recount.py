"""Mends the totals of lists, once a day: what a lost stream or a re-created mapping left wrong."""

from itertools import chain, islice

from chalice.app import Blueprint, Rate

from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.log import Level
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM
from chalicelib.schema import ALL_TOTALS, totals_of_cluster

blueprint = Blueprint(__name__)

TOTALS_AT_ONCE = 200
"""Totals that wait for the stream together. 1,000 clusters have 4,000: where all are off, they wait for seven minutes
of the fifteen; more at once, and what a counter moves meanwhile would hide more errors."""


@blueprint.schedule(Rate(1, unit=Rate.DAYS), name="recount")
@PLATFORM.scheduled("recount", lambda platform: platform.counters)
def handler(platform: Platform) -> None:
    of_clusters = (totals_of_cluster(cluster).items() for cluster in platform.container(Fleet).clusters.walk())
    totals = chain(ALL_TOTALS.items(), chain.from_iterable(of_clusters))
    while some := dict(islice(totals, TOTALS_AT_ONCE)):
        for total, off in platform.counters.recount(some).items():
            platform.log.line("total_corrected", level=Level.WARNING, total=total, by=off)
