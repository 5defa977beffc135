"""The application as Chalice packages it: every route and every worker. No logic."""

from chalicelib.bootstrap import prepare, services
from chalicelib.settings import running_function
from chalicelib.web import dispatch, fallback
from chalicelib.web.application import Application

app = Application("edge-admin")
app.experimental_feature_flags.add("WEBSOCKETS")

dispatch.register(app, services)
fallback.register(app, services)
if not running_function():  # the deployed API answers requests only: workers are functions of their own
    from chalicelib.fleet.workers import registration

    registration.register(app)
prepare("api_handler", dispatch.prepare_polling)
