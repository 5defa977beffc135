"""The bearer token of a request."""

from chalicelib.platform.access.bearer import bearer_in
from chalicelib.web.exchange import Incoming


def bearer_of(incoming: Incoming) -> str | None:
    """The bearer token, None unless there is exactly one Authorization header, and of its form."""
    return bearer_in(incoming.headers.get("authorization", ()))
