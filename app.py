"""The application as Chalice packages it: every route and every worker. No logic."""

from chalicelib.api import dispatch, fallback
from chalicelib.api.application import Application
from chalicelib.bootstrap import prepare, services
from chalicelib.settings import running_function

app = Application("edge-admin")
app.experimental_feature_flags.add("WEBSOCKETS")

dispatch.register(app, services)
fallback.register(app, services)
if not running_function():  # the deployed API answers requests only: workers are functions of their own
    from chalicelib.workers import registration

    registration.register(app)
prepare("api_handler", dispatch.prepare_polling)
