"""The Chalice application: routes of declared methods, and for each path one more, for all methods that it does not
declare.

Chalice has the table of routes, of which it makes templates. A request goes from there to its view at once: what
Chalice would put in between (a request object, content types, binary answers) was a fifth of the time of a small
request, and no operation uses it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chalice.app import Chalice

from chalicelib.web.exchange import SENT_METHOD
from chalicelib.web.operation import Endpoint
from chalicelib.web.protocol import ApiProtocol

GREEDY = "/{proxy+}"
"""The route of all paths that have none."""

ANY = "X-AMAZON-APIGATEWAY-ANY-METHOD"
"""The method of that other route. Chalice writes methods into the template in lower case, and so this becomes the name
by which API Gateway knows a route for every method without one of its own."""


Find = Callable[[Mapping[str, Any]], Endpoint]
"""Finds the operation that answers a proxy event, where its route is known."""


class Application(Chalice):
    """``finders`` gives, by route and method, the declared operation; ``protocols``, by route, how it answers."""

    def __init__(self, name: str) -> None:
        super().__init__(app_name=name, configure_logs=False)
        self.finders: dict[str, dict[str, Find]] = {}
        self.protocols: dict[str, ApiProtocol] = {}

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer a proxy event. Raises KeyError for anything else."""
        del context
        asked = event["requestContext"]
        methods = self.routes.get(asked["resourcePath"]) or self.routes[GREEDY]
        route = methods.get(asked["httpMethod"])
        if route is None:
            # API Gateway names the method that was sent, not the route.
            route = methods[ANY]
            event = {**event, "requestContext": {**asked, "httpMethod": ANY, SENT_METHOD: asked["httpMethod"]}}
        answer: dict[str, Any] = route.view_function(event)
        return answer
