"""The token of an Authorization header."""

import re
from collections.abc import Sequence

_BEARER = re.compile(r"bearer +(\S(.*\S)?)", re.IGNORECASE)  # RFC 9110 section 11.1: a scheme in any letter case


def bearer_in(values: Sequence[str]) -> str | None:
    """The token in the values of the header, None unless there is exactly one, and of this form."""
    found = _BEARER.fullmatch(values[0].strip(" \t")) if len(values) == 1 else None
    return found[1] if found else None
