"""The forms in which callers of the machines' APIs send their credentials, and who they are.

A key pair is a named key in two headers; every form takes MASTER_KEY, API_KEY and named keys as well.
"""

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.key_text import joined
from chalicelib.platform.access.keys import OPERATOR_KEYS
from chalicelib.web.audience import Exchange
from chalicelib.web.exchange import Incoming
from chalicelib.web.guests import admit_with_guests

PAIR = ("api-key", "api-secret")
SINGLE_KEY = "x-api-key"
_AUTHORIZATION = "authorization"


def admit_user(exchange: Exchange, offered: str | None) -> None:
    """Admit the holder of a key of the settings, of a named key or of a session. Raises `EdgeError`
    (unauthorized, rate limited)."""
    admit_with_guests(exchange, offered, OPERATOR_KEYS, sessions=True)


def bearer_or_pair(incoming: Incoming) -> str | None:
    """A bearer token, or the headers ``api-key`` and ``api-secret``; None without any. Raises `EdgeError`
    (unauthorized) for both at once, and for half a pair."""
    return _one_of(incoming, incoming.bearer())


def token_or_pair(incoming: Incoming) -> str | None:
    """As `bearer_or_pair`; the ``Authorization`` header may also be the bare token."""
    values = incoming.headers.get(_AUTHORIZATION, ())
    bare = values[0].strip() if len(values) == 1 and " " not in values[0].strip() else None
    return _one_of(incoming, incoming.bearer() or bare or None)


def single_key(incoming: Incoming) -> str | None:
    """The header ``x-api-key``; None without it, or if it was sent more than once."""
    values = incoming.headers.get(SINGLE_KEY, ())
    return values[0].strip() or None if len(values) == 1 else None


def _one_of(incoming: Incoming, token: str | None) -> str | None:
    halves = [incoming.headers.get(name, ()) for name in PAIR]
    if not any(halves):
        return token
    if _AUTHORIZATION in incoming.headers:
        raise _refused(f"Authenticate by one means: either {_AUTHORIZATION} or {' and '.join(PAIR)}")
    for name, values in zip(PAIR, halves, strict=True):
        if len(values) != 1:
            raise _refused(f"A key pair is the headers {' and '.join(PAIR)}: {name} was sent {len(values)} times")
    return joined(halves[0][0].strip(), halves[1][0].strip())


def _refused(text: str) -> EdgeError:
    return EdgeError(Kind.UNAUTHORIZED, text)
