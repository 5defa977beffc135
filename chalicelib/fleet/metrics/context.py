"""Declares the context `metrics`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.metrics.recounting import totals_of_clusters
from chalicelib.fleet.metrics.store import TABLE as METRICS_CACHE
from chalicelib.platform.context import BATCH_GET, DELETE, UPDATE, Context, Grants, Task

CONTEXT = Context(
    name="metrics",
    tables=(METRICS_CACHE,),
    tasks={"node": Task(lambda fleet, message: fleet.metrics.nodes.forget(message["id"]))},
    recounts=totals_of_clusters,
    grants={
        "api_handler": Grants(tables={"metrics_cache": BATCH_GET | UPDATE}),
        "deliver_commands": Grants(tables={"metrics_cache": UPDATE}),
        "clean_up": Grants(tables={"metrics_cache": DELETE}),
    },
)
