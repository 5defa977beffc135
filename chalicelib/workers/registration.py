"""All workers on the Chalice app: for packaging. A deployed worker is loaded by its own name, without the app."""

from chalice.app import Chalice

from chalicelib.workers import (
    check_health,
    clean_up,
    connections,
    create_executions,
    deliver_commands,
    deliver_webhook,
    heartbeat,
    prune_executions,
    publish_events,
    reconcile_vpn,
    recount,
    relay_changes,
    settle_vpn,
    sweep_commands,
    sweep_webhooks,
    trigger_updates,
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
