"""Answers requests without a declared operation: HEAD, OPTIONS and wrong methods of every path, and unknown paths
(404).

API Gateway decides about paths and methods, so there is a route for ``/``, a greedy one for the rest, and beside the
methods of each path one for all others. All of it comes before authentication.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from chalicelib.kit.errors import not_found
from chalicelib.web.answering import cors_of
from chalicelib.web.api import Api
from chalicelib.web.application import ANY, GREEDY, Application
from chalicelib.web.edge_services import EdgeServices
from chalicelib.web.endpoint import add_route
from chalicelib.web.exchange import SENT_METHOD
from chalicelib.web.operation import Endpoint
from chalicelib.web.protocol import ApiProtocol
from chalicelib.web.results import MethodNotAllowedError, NoContent, Request
from chalicelib.web.validation import AnyPath, AnyQuery, NoBody


def register(app: Application, apis: Sequence[Api], provide: Callable[[Api], Any]) -> None:
    """Add the fallbacks to `app`. Call it last: it looks at the paths that are already there. An unknown path is
    answered in the protocol of the API with the longest prefix of it, else of the first."""
    for route in sorted({*app.routes, "/", GREEDY}):
        protocol = app.protocols.get(route, apis[0].protocol)
        add_route(app, ANY, route, partial(_find, app, route, apis), protocol, partial(provide, apis[0]))


def allowed_methods(declared: Iterable[str]) -> list[str]:
    """The methods of a path with these declared ones: also HEAD if there is GET, and OPTIONS."""
    methods = {*declared, "OPTIONS"}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def _find(app: Application, route: str, apis: Sequence[Api], event: Mapping[str, Any]) -> Endpoint:
    """The operation for the method of the request. For HEAD, the edge sends only the headers of the answer."""
    method = event["requestContext"][SENT_METHOD]
    declared = {name: find for name, find in app.finders[route].items() if name != ANY}
    if method == "HEAD" and "GET" in declared:
        return declared["GET"](event)
    protocol = app.protocols[route] if declared else _owner(apis, event.get("path") or "/").protocol
    view = _Undeclared(allowed_methods(declared) if declared else (), protocol)
    return Endpoint(
        method=method,
        route=route,
        view=view.options if method == "OPTIONS" else view.refuse,
        tag="Fallback",
        auth=protocol.undeclared,
        status=204 if method == "OPTIONS" else 200,
        summary="Anything else",
        repeats="changes nothing" if method == "POST" else "",
        documented=False,
        protocol=protocol,
    )


def _owner(apis: Sequence[Api], path: str) -> Api:
    def matched(api: Api) -> int:
        return max((len(prefix) for prefix in api.prefixes if path.startswith(prefix)), default=-1)

    return max(apis, key=matched)


class _Undeclared:
    """Answers for a path with these methods; a path without any is unknown."""

    def __init__(self, allowed: Iterable[str], protocol: ApiProtocol) -> None:
        self._allowed = tuple(allowed)
        self._protocol = protocol

    def refuse(self, _request: Request[AnyPath, AnyQuery, NoBody], _services: Any) -> NoContent:
        """405 with the methods that there are; 404 for an unknown path."""
        raise MethodNotAllowedError(self._allowed) if self._allowed else not_found()

    def options(self, _request: Request[AnyPath, AnyQuery, NoBody], services: EdgeServices) -> NoContent:
        """204 with the methods that there are and with what the CORS settings allow, of unknown paths too, so that a
        page can read their 404; without those settings that is all that they say."""
        cors = cors_of(services.platform.settings, self._protocol)
        if not self._allowed and not cors.configured:
            raise not_found()
        allow = {"allow": ", ".join(self._allowed)} if self._allowed else {}
        return NoContent({**allow, **(cors.preflight_headers() if cors.configured else {})})
