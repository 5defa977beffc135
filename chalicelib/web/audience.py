"""Audiences admit the callers of operations; guards refuse operations for a while."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.kit.errors import EdgeError, rate_limited
from chalicelib.kit.tables import Meter
from chalicelib.platform.access.principal import ANONYMOUS, Principal, root
from chalicelib.platform.limits.model import Standing
from chalicelib.web.edge_services import EdgePlatform
from chalicelib.web.exchange import Incoming
from chalicelib.web.revisions import SAME, Revised

if TYPE_CHECKING:
    from chalicelib.web.operation import Endpoint

_NO_CALLS = Meter()


@dataclass
class Exchange:
    """One request under way. It is filled in step by step, so that the log also names the caller of a refused request.

    ``services`` is the container that views get, ``edge`` its platform. An audience sets
    ``principal``, the caller; ``caller``, a further value that its views need; ``headers`` for the answer, a refusal
    included; and ``noted``, further fields of the log line. ``standing`` is what the caller has left of its limit.
    """

    endpoint: "Endpoint"
    incoming: Incoming
    services: Any
    edge: EdgePlatform
    request_id: str
    started: datetime
    principal: Principal = ANONYMOUS
    caller: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    noted: dict[str, object] = field(default_factory=dict)
    standing: Standing | None = None
    meter: Meter = _NO_CALLS
    is_held_back: bool = False
    revised: Revised = SAME


def _admit_anyone(_exchange: Exchange) -> None:
    """Admits every caller."""


def hold_to(exchange: Exchange, standing: Standing | None) -> None:
    """Show the caller what it has left of a limit. Raises `EdgeError` (rate limited) if the request is refused."""
    exchange.standing = standing
    if standing is not None and standing.wait_seconds:
        raise rate_limited(standing.wait_seconds)


def _limit_of_key(exchange: Exchange) -> Standing | None:
    return exchange.edge.limits.of_principal(exchange.principal)


def _admit_within_rate(exchange: Exchange) -> None:
    hold_to(exchange, exchange.edge.limits.of_address(exchange.incoming.address))


@dataclass(frozen=True, kw_only=True, eq=False)
class Audience:
    """The callers that an operation is for.

    ``admit`` raises `EdgeError` (unauthorized, forbidden, rate limited) for a caller that may not call. ``arrive`` runs
    after it, and what it writes counts as written by the caller. ``schemes`` are the security schemes of the document
    by name, any of which admits; ``statuses`` those with which ``admit`` refuses. With ``by_permission`` the
    principals need the permission of the operation. ``may_send_replacements`` accepts U+FFFD in bodies, see
    `json_body.read_json`. ``limit`` counts a request of an admitted principal, None for one without a limit.
    """

    name: str
    admit: Callable[[Exchange], None] = _admit_anyone
    arrive: Callable[[Exchange], None] | None = None
    schemes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    statuses: frozenset[int] = frozenset()
    by_permission: bool = False
    limit: Callable[[Exchange], Standing | None] = _limit_of_key
    may_send_replacements: bool = False


OPEN = Audience(name="open")
"""Anyone; for answers that cost nothing."""

PUBLIC = Audience(name="public", admit=_admit_within_rate, statuses=frozenset({429}))
"""Anyone, within a rate for each source address."""


def admit_by_key(exchange: Exchange, offered: str | None, accepted: Sequence[str], *, sessions: bool = False) -> None:
    """Admit the holder of one of the ``accepted`` keys, which are named as in the settings, of named keys, and of
    ``sessions`` where their tokens are accepted.

    Raises `EdgeError` (unauthorized), and (rate limited) for an address that sends too many wrong keys. If the settings
    turn authentication off, all callers are admitted as root, without a name.
    """
    edge = exchange.edge
    if not edge.settings.auth_enabled:
        exchange.principal = root("")
        return
    address = exchange.incoming.address
    exchange.principal = edge.identities.identify(offered, accepted, address, sessions=sessions)
    if exchange.principal.shown_key:
        exchange.noted["key"] = exchange.principal.shown_key


@dataclass(frozen=True, kw_only=True, eq=False)
class Guard:
    """A condition of the installation under which operations are refused for a while: ``check`` returns the error, or
    None. It is asked after the request has been read. ``described`` is added to the operations' descriptions, and
    ``example`` makes the error for the document."""

    check: Callable[[Any], EdgeError | None]
    example: Callable[[], EdgeError]
    described: str
