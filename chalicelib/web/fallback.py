"""Answers requests without a declared operation: HEAD, OPTIONS and wrong methods of every path, and unknown paths
(404).

API Gateway decides about paths and methods, so there is a route for ``/``, a greedy one for the rest, and beside the
methods of each path one for all others. All of it comes before authentication.
"""

from collections.abc import Callable, Iterable
from functools import partial

from chalicelib.kit.errors import not_found
from chalicelib.web.application import ANY, Application
from chalicelib.web.endpoint import OPEN, EdgeServices, NoContent, Request, add_route, cors_of
from chalicelib.web.exchange import SENT_METHOD
from chalicelib.web.operation import Endpoint
from chalicelib.web.results import MethodNotAllowedError
from chalicelib.web.validation import AnyPath, AnyQuery, NoBody

GREEDY = "/{proxy+}"


def register(app: Application, provide: Callable[[], EdgeServices]) -> None:
    """Add the fallbacks to `app`. Call it last: it looks at the paths that are already there."""
    for route in sorted({*app.routes, "/", GREEDY}):
        add_route(app, ANY, route, partial(_find, app, route), provide)


def allowed_methods(declared: Iterable[str]) -> list[str]:
    """The methods of a path with these declared ones: also HEAD if there is GET, and OPTIONS."""
    methods = {*declared, "OPTIONS"}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def _find(app: Application, route: str) -> Endpoint:
    """The operation for the method of the request. For HEAD, the edge sends only the headers of the answer."""
    method = app.current_event()["requestContext"][SENT_METHOD]
    declared = {name: find for name, find in app.finders[route].items() if name != ANY}
    if method == "HEAD" and "GET" in declared:
        return declared["GET"]()
    view = _Undeclared(allowed_methods(declared) if declared else ())
    answer = view.options if method == "OPTIONS" else view.refuse
    return Endpoint(
        method=method,
        route=route,
        view=answer,
        tag="Fallback",
        auth=OPEN,
        summary="Anything else",
        documented=False,
    )


class _Undeclared:
    """Answers for a path with these methods; one without any is unknown."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = tuple(allowed)

    def refuse(self, _request: Request[AnyPath, AnyQuery, NoBody], _services: EdgeServices) -> NoContent:
        """405 with the methods that there are; 404 for an unknown path."""
        raise MethodNotAllowedError(self._allowed) if self._allowed else not_found()

    def options(self, _request: Request[AnyPath, AnyQuery, NoBody], services: EdgeServices) -> NoContent:
        """204 with the methods that there are and with what the CORS settings allow, of unknown paths too, so that a
        page can read their 404; without those settings that is all that they say."""
        cors = cors_of(services.platform.settings)
        if not self._allowed and not cors.configured:
            raise not_found()
        allow = {"allow": ", ".join(self._allowed)} if self._allowed else {}
        return NoContent({**allow, **(cors.preflight_headers() if cors.configured else {})})
