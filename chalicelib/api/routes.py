"""Every route of the API, in the order of the published document."""

from collections.abc import Sequence

from chalicelib.api import health
from chalicelib.api.endpoint import Endpoint, Endpoints

ALL_ROUTES: Sequence[Endpoints] = (health.routes,)


def all_endpoints() -> list[Endpoint]:
    """The operations of all modules."""
    return [endpoint for routes in ALL_ROUTES for endpoint in routes.all]
