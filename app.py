"""The application as Chalice packages it: every route and every worker. No logic."""

from chalice.app import Chalice

from chalicelib.api import fallback
from chalicelib.api.routes import ALL_ROUTES
from chalicelib.bootstrap import services
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
    recount,
    relay_changes,
    sweep_commands,
    sweep_webhooks,
    trigger_updates,
)

app = Chalice(app_name="edge-admin", configure_logs=False)
app.experimental_feature_flags.add("WEBSOCKETS")

for routes in ALL_ROUTES:
    routes.register(app, services)
fallback.register(app, services)

for worker in (
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
):
    app.register_blueprint(worker.blueprint)
