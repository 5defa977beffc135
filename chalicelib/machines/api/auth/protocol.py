"""The protocol of the auth API: that of the compute API, its audiences, and the two dialects that clients read."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.api.compute.protocol import COMPUTE, SCHEMES
from chalicelib.machines.api.credentials import admit_user, bearer_or_pair
from chalicelib.platform.access.principal import PrincipalKind
from chalicelib.web.audience import PUBLIC, Audience, Exchange, hold_to
from chalicelib.web.exchange import Incoming

AUTH = replace(COMPUTE, name="Auth")

GO_CLIENT = "threatwinds-go-sdk"
"""The client that reads another dialect than the documented one, by its ``User-Agent``."""


@dataclass(frozen=True)
class Dialect:
    """The form of answers that a client reads. Times are texts, or else whole seconds since 1970; lists are bare, or
    else in an object."""

    has_texts: bool
    has_bare_lists: bool

    def time(self, text: str) -> int | str:
        """A time in this form. ``text`` is seconds text."""
        return text if self.has_texts else int(parse_time(text).timestamp())


DOCUMENTED = Dialect(has_texts=False, has_bare_lists=False)
_OF_GO = Dialect(has_texts=True, has_bare_lists=True)


def dialect_of(incoming: Incoming) -> Dialect:
    """The dialect that the client of a request reads: the documented one, but for `GO_CLIENT`."""
    product = (incoming.header("user-agent") or "").strip().partition(" ")[0].partition("/")[0]
    return _OF_GO if product == GO_CLIENT else DOCUMENTED


def _varying(admit: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Admits as ``admit`` does; the answer says that it depends on the client."""

    def told(exchange: Exchange) -> None:
        exchange.headers["vary"] = "User-Agent"
        admit(exchange)

    return told


def _admit_user(exchange: Exchange) -> None:
    admit_user(exchange, bearer_or_pair(exchange.incoming))


def _only(kind: PrincipalKind, code: str, text: str) -> Callable[[Exchange], None]:
    """Admits users who present a credential of this kind, within their limit."""

    def admit(exchange: Exchange) -> None:
        _admit_user(exchange)
        if exchange.principal.kind is not kind:
            raise EdgeError(Kind.UNAUTHORIZED, text, code=code)
        hold_to(exchange, exchange.edge.limits.of_principal(exchange.principal))

    return admit


def _admit_anyone_or_user(exchange: Exchange) -> None:
    """Admits a user who says so, and anyone else within the rate of an address."""
    if bearer_or_pair(exchange.incoming) is None:
        PUBLIC.admit(exchange)
    else:
        _admit_user(exchange)
        hold_to(exchange, exchange.edge.limits.of_principal(exchange.principal))


ANYONE = Audience(name="anyone", admit=_varying(PUBLIC.admit), statuses=PUBLIC.statuses)
"""Anyone, within a rate for each source address."""

REGISTRANT = Audience(name="registrant", admit=_varying(_admit_anyone_or_user), statuses=frozenset({401, 429}))
"""Anyone, as `ANYONE`; and an operator, by its key."""

USER = Audience(
    name="user",
    admit=_varying(_admit_user),
    schemes=SCHEMES,
    statuses=frozenset({401, 403, 429}),
    by_permission=True,
)
"""Users of a tenant and holders of keys, as in the compute API."""

SESSION_HOLDER = Audience(
    name="session",
    admit=_varying(_only(PrincipalKind.SESSION, "session_needed", "This needs the token of a session")),
    schemes={"bearer": SCHEMES["bearer"]},
    statuses=frozenset({401, 429}),
)
"""Users, by the token of the session that they act on."""

KEY_HOLDER = Audience(
    name="key",
    admit=_varying(_only(PrincipalKind.KEY, "key_needed", "This needs a key pair or a named key")),
    schemes=SCHEMES,
    statuses=frozenset({401, 429}),
)
"""Holders of the key that they ask about."""
