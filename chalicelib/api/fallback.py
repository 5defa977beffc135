"""What no other route answers: unknown paths and methods (404, before authentication) and browsers' preflights.

API Gateway decides about paths and methods, so each needs a route: ``/``, a greedy one for the rest, and OPTIONS beside
every other method of a path.
"""

from collections.abc import Callable

from chalice.app import Chalice

from chalicelib.api.endpoint import OPEN, EdgeServices, Endpoints, NoContent, Request, cors_of
from chalicelib.api.validation import AnyPath, AnyQuery, NoBody
from chalicelib.kit.errors import not_found

GREEDY = "/{proxy+}"
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


def unknown(_request: Request[AnyPath, AnyQuery, NoBody], _services: EdgeServices) -> NoContent:
    """404, whatever was asked."""
    raise not_found()


def preflight(_request: Request[AnyPath, AnyQuery, NoBody], services: EdgeServices) -> NoContent:
    """204 with what the CORS settings allow; 404 where CORS is not configured."""
    cors = cors_of(services.settings)
    if not cors.configured:
        raise not_found()
    return NoContent(cors.preflight_headers())


def register(app: Chalice, provide: Callable[[], EdgeServices]) -> None:
    """Add the fallbacks to `app`. Call it last: it looks at the paths and methods that are already there."""
    routes = Endpoints(tag="Fallback")
    for route in ("/", GREEDY):
        for method in (method for method in _METHODS if method not in app.routes.get(route, {})):
            declared = routes.declare(
                method,
                route,
                auth=OPEN,
                path=AnyPath,
                query=AnyQuery,
                errors=(404,),
                documented=False,
                summary="Anything unknown",
            )
            declared(unknown)
    for route in sorted({*app.routes, "/", GREEDY}):
        declared = routes.declare(
            "OPTIONS",
            route,
            auth=OPEN,
            path=AnyPath,
            query=AnyQuery,
            status=204,
            errors=(404,),
            documented=False,
            summary="CORS preflight",
        )
        declared(preflight)
    routes.register(app, provide)
