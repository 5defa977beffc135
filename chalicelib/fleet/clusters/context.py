"""Declares the context `clusters`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.clusters.store import TOTALS
from chalicelib.fleet.clusters.subnet_store import SUBNETS
from chalicelib.platform.context import BATCH_GET, CHECK, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants
from chalicelib.platform.counted import Counted

CONTEXT = Context(
    name="clusters",
    tables=(
        CLUSTERS,
        SUBNETS,
    ),
    counted=(Counted(CLUSTERS, TOTALS),),
    grants={
        "api_handler": Grants(
            tables={
                "clusters": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE | CHECK,
                "subnets": GET | QUERY | PUT | UPDATE | DELETE,
            }
        ),
        "create_executions": Grants(tables={"clusters": BATCH_GET}),
        "clean_up": Grants(tables={"clusters": BATCH_GET}),
        "trigger_updates": Grants(tables={"clusters": BATCH_GET}),
        "settle_vpn": Grants(tables={"clusters": BATCH_GET | QUERY}),
        "heartbeat": Grants(tables={"clusters": BATCH_GET | QUERY}),
        "recount": Grants(tables={"clusters": QUERY}),
    },
)
