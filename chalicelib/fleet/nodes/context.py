"""Declares the context `nodes`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.nodes.changes import EVENTS, on_change
from chalicelib.fleet.nodes.exclusion_store import EXCLUSIONS
from chalicelib.fleet.nodes.store import CONNECTIONS, NODES, PRESENCE, TOTALS
from chalicelib.fleet.nodes.term_store import NODE_TERMS
from chalicelib.fleet.nodes.terming import TASK
from chalicelib.platform.context import (
    BATCH_GET,
    CHECK,
    DELETE,
    GET,
    PUT,
    QUERY,
    UPDATE,
    Context,
    Function,
    Grants,
    ScheduleSource,
    by_cursor,
)
from chalicelib.platform.counted import Counted

CONTEXT = Context(
    name="nodes",
    tables=(
        NODES,
        PRESENCE,
        CONNECTIONS,
        EXCLUSIONS,
        NODE_TERMS,
    ),
    functions=(
        Function(
            "check_health",
            "chalicelib.fleet.workers.check_health.handler",
            ScheduleSource(),
            120,
            loads="aliases clusters enrollment events nodes vpn",
        ),
    ),
    sealed={NODES: ("api_token_sealed", "proxy_password_sealed")},
    counted=(Counted(NODES, TOTALS, {"status": "status", "cluster_name": "cluster_name"}),),
    on_change=on_change,
    events=EVENTS,
    tasks={TASK: by_cursor(lambda fleet: fleet.nodes.terms.fill_chunk)},
    grants={
        "api_handler": Grants(
            tables={
                "nodes": BATCH_GET | QUERY | PUT | UPDATE | DELETE | CHECK,
                "presence": BATCH_GET | PUT | UPDATE,
                "connections": DELETE,
                "node_exclusions": GET | BATCH_GET | UPDATE | DELETE | CHECK,
                "node_terms": GET | QUERY | PUT | DELETE,
            }
        ),
        "websocket_connect": Grants(
            tables={
                "nodes": BATCH_GET | UPDATE | CHECK,
                "presence": BATCH_GET | UPDATE,
                "connections": PUT,
                "node_exclusions": GET,
            }
        ),
        "websocket_message": Grants(
            tables={"nodes": BATCH_GET | UPDATE, "presence": BATCH_GET | UPDATE, "connections": GET | DELETE}
        ),
        "websocket_disconnect": Grants(tables={"presence": UPDATE, "connections": GET | DELETE}),
        "create_executions": Grants(
            tables={
                "nodes": BATCH_GET | QUERY,
                "presence": BATCH_GET | UPDATE,
                "connections": DELETE,
                "node_terms": GET | QUERY,
            }
        ),
        "deliver_commands": Grants(tables={"nodes": BATCH_GET, "presence": BATCH_GET | UPDATE, "connections": DELETE}),
        "clean_up": Grants(
            tables={
                "nodes": BATCH_GET | QUERY | UPDATE | CHECK,
                "presence": BATCH_GET | DELETE,
                "connections": DELETE,
                "node_terms": GET | PUT | UPDATE | DELETE,
            }
        ),
        "trigger_updates": Grants(
            tables={"nodes": BATCH_GET | QUERY, "presence": BATCH_GET, "node_terms": GET | QUERY}
        ),
        "settle_vpn": Grants(tables={"nodes": BATCH_GET | QUERY}),
        "check_health": Grants(
            tables={
                "nodes": QUERY | UPDATE,
                "presence": BATCH_GET | QUERY | UPDATE,
                "node_terms": GET | UPDATE,
                "tasks": UPDATE,
            }
        ),
        "recount": Grants(tables={"nodes": QUERY}),
    },
)
