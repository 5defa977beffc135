"""The bearer token of a request."""

from chalicelib.api.exchange import Incoming

_SCHEME = "Bearer "


def bearer_of(incoming: Incoming) -> str | None:
    """The bearer token, None unless there is exactly one Authorization header of exactly this form."""
    values = incoming.headers.get("authorization", ())
    if len(values) != 1 or not values[0].startswith(_SCHEME):
        return None
    token: str = values[0][len(_SCHEME) :]
    return token if token and token == token.strip() else None
