"""Mends the totals of lists, once a day: what a lost stream or a re-created mapping left wrong."""

from itertools import chain

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.kit.log import Level
from chalicelib.schema import ALL_TOTALS, totals_of_cluster
from chalicelib.workers.entry import scheduled

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.DAYS), name="recount")
@scheduled("recount", lambda services: services.counters)
def handler(services: Services) -> None:
    of_clusters = (totals_of_cluster(cluster).items() for cluster in services.clusters.walk())
    for total, queries in chain(ALL_TOTALS.items(), chain.from_iterable(of_clusters)):
        off = services.counters.recount(total, queries)
        if off:
            services.log.line("total_corrected", level=Level.WARNING, total=total, by=off)
