"""The Chalice application: routes of declared methods, and for each path one more, for all methods that it does not
declare."""

from collections.abc import Callable, Mapping
from typing import Any

from chalice.app import Chalice

from chalicelib.web.exchange import SENT_METHOD
from chalicelib.web.operation import Endpoint
from chalicelib.web.protocol import ApiProtocol

ANY = "X-AMAZON-APIGATEWAY-ANY-METHOD"
"""The method of that other route. Chalice writes methods into the template in lower case, and so this becomes the name
by which API Gateway knows a route for every method without one of its own."""


class Application(Chalice):
    """``finders`` gives, by route and method, the declared operation; ``protocols``, by route, how it answers."""

    def __init__(self, name: str) -> None:
        super().__init__(app_name=name, configure_logs=False)
        self.finders: dict[str, dict[str, Callable[[], Endpoint]]] = {}
        self.protocols: dict[str, ApiProtocol] = {}

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer a proxy event."""
        return super().__call__(self._routed(event), context)

    def current_event(self) -> Mapping[str, Any]:
        """The proxy event that is being answered. Raises LookupError outside a request."""
        if self.current_request is None:
            raise LookupError("no request is being answered")
        event: Mapping[str, Any] = self.current_request.to_original_event()
        return event

    def _routed(self, event: Any) -> Any:
        """The event, sent to its path's other route if the path does not declare its method: API Gateway names the
        method that was sent, and Chalice would refuse it in words of its own."""
        asked = event.get("requestContext") or {}
        method, methods = asked.get("httpMethod"), self.routes.get(asked.get("resourcePath", ""), {})
        if method in methods or ANY not in methods:
            return event
        return {**event, "requestContext": {**asked, "httpMethod": ANY, SENT_METHOD: method}}
