"""Mends the totals of lists, once a day: what a lost stream or a re-created mapping left wrong."""

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.kit.log import Level
from chalicelib.schema import ALL_TOTALS
from chalicelib.workers.entry import scheduled

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.DAYS), name="recount")
@scheduled("recount")
def handler(services: Services) -> None:
    for total, queries in ALL_TOTALS.items():
        off = services.counters.recount(total, queries)
        if off:
            services.log.line("total_corrected", level=Level.WARNING, total=total, by=off)
