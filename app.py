"""The application as Chalice packages it: the APIs of the families that it is made for, and all workers. No logic."""

from typing import Any

from chalicelib import families
from chalicelib.bootstrap import prepare, services
from chalicelib.settings import running_function
from chalicelib.web import dispatch, fallback
from chalicelib.web.api import Api
from chalicelib.web.application import Application

app = Application("edge-admin")
app.experimental_feature_flags.add("WEBSOCKETS")


def container_of(api: Api) -> Any:
    """The container of the family that the API belongs to."""
    return services().container(api.container_class)


apis = families.served_apis()
dispatch.register(app, apis, container_of)
fallback.register(app, apis, container_of)
if not running_function():  # the deployed API answers requests only: workers are functions of their own
    from chalicelib.families import deployed
    from chalicelib.platform.workers import registration

    registration.register(app, deployed())
prepare("api_handler", lambda _platform: dispatch.prepare(apis, container_of))
