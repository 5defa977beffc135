"""The bearer token of a request."""

import re

from chalicelib.api.exchange import Incoming

_BEARER = re.compile(r"bearer +(\S(.*\S)?)", re.IGNORECASE)  # RFC 9110 section 11.1: a scheme in any letter case


def bearer_of(incoming: Incoming) -> str | None:
    """The bearer token, None unless there is exactly one Authorization header, and of this form."""
    values = incoming.headers.get("authorization", ())
    found = _BEARER.fullmatch(values[0].strip(" \t")) if len(values) == 1 else None
    return found[1] if found else None
