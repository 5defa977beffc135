"""The application as Chalice packages it: every route and every worker. No logic."""

from chalicelib.bootstrap import prepare, services
from chalicelib.fleet.wiring import Fleet
from chalicelib.settings import running_function
from chalicelib.web import dispatch, fallback
from chalicelib.web.application import Application

app = Application("edge-admin")
app.experimental_feature_flags.add("WEBSOCKETS")


def fleet() -> Fleet:
    """The container of the family that is served."""
    return services().container(Fleet)


dispatch.register(app, fleet)
fallback.register(app, fleet)
if not running_function():  # the deployed API answers requests only: workers are functions of their own
    from chalicelib.fleet.workers import registration

    registration.register(app)
prepare("api_handler", lambda _platform: dispatch.prepare_polling(fleet()))
