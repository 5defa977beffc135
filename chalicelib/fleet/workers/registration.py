"""All workers on the Chalice app: for packaging. A deployed worker is loaded by its own name, without the app."""

from chalice.app import Chalice

from chalicelib.fleet.workers import (
    check_health,
    connections,
    create_executions,
    deliver_commands,
    heartbeat,
    prune_executions,
    reconcile_vpn,
    settle_vpn,
    sweep_commands,
    trigger_updates,
)
from chalicelib.platform.workers import (
    clean_up,
    deliver_webhook,
    publish_events,
    recount,
    relay_changes,
    sweep_webhooks,
)

WORKERS = (
    relay_changes,
    create_executions,
    deliver_commands,
    publish_events,
    deliver_webhook,
    clean_up,
    sweep_commands,
    sweep_webhooks,
    check_health,
    heartbeat,
    recount,
    prune_executions,
    trigger_updates,
    connections,
    settle_vpn,
    reconcile_vpn,
)


def register(app: Chalice) -> None:
    """Add every worker to `app`."""
    for worker in WORKERS:
        app.register_blueprint(worker.blueprint)
