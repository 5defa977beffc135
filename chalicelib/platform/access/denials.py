"""A policy that denies an action on a thing holds by whatever text a request names the thing.

`decide` is asked before anything is read, about the text in the path. That may be a name, the beginning of an id or
the id of a part, and bodies name things too. So whatever finds a thing for a request asks here once more, by the
thing's own id and names. The denials are a context variable and not an argument: a lookup deep inside a use case
cannot forget to pass them on. Workers have none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.permissions import Permission
from chalicelib.platform.access.policy_rules import denied_resources, matches
from chalicelib.platform.access.principal import Facts, Principal, denies, names_of, values_of


class _Denials(NamedTuple):
    """The ``patterns`` of the things on which policies deny a caller an action, in its ``tenant``."""

    action: str
    tenant: str
    patterns: tuple[str, ...]


_current: ContextVar[tuple[_Denials, ...]] = ContextVar("denials", default=())


@contextmanager
def holding_denials(principal: Principal, action: Permission, facts: Facts) -> Iterator[None]:
    """Have `check_not_denied` know what the principal's policies deny it of an action, until the block ends; beside
    what it knows already."""
    patterns = denied_resources(principal.statements, action.name, values_of(principal, facts))
    if not patterns:
        yield
        return
    token = _current.set((*_current.get(), _Denials(action.name, principal.tenant, patterns)))
    try:
        yield
    finally:
        _current.reset(token)


def check_not_denied(*texts: str) -> None:
    """``texts`` are the id and the names of a thing that a request has found. Raises `EdgeError` (forbidden) if a
    policy of the caller denies what it does on that thing."""
    for action, tenant, patterns in _current.get():
        names = {name for text in texts for name in names_of(action, tenant, text)}
        if any(matches(pattern, name) for pattern in patterns for name in names):
            raise EdgeError(Kind.FORBIDDEN, denies(action).refusal)
