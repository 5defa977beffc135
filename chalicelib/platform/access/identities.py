"""Tells callers by what they present: who that is, as a `Principal`."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Protocol, TypeVar

from chalicelib.kit.errors import EdgeError, Kind, unauthorized
from chalicelib.kit.held import Held
from chalicelib.platform.access import key_text
from chalicelib.platform.access.key_text import SESSION, KeyText
from chalicelib.platform.access.keys import PREVIOUS, OperatorKeys
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Principal, PrincipalKind, root

P = TypeVar("P")

_METRICS = "METRICS_KEY"

_MOST_RIGHT_KEYS = 1000
"""Right keys that a container remembers having seen, as digests."""


class WrongKeys(Protocol):
    """Counts wrong keys by the caller's address."""

    def check(self, address: str) -> None:
        """Raises `EdgeError` (rate limited) if the address has offered too many. Counts none."""
        ...

    def take(self, address: str) -> None:
        """Count one. Raises `EdgeError` (rate limited) if it is one too many."""
        ...


class Holders(Protocol):
    """Tells the holders of credentials of one kind, each of which is a row."""

    def identify(self, offered: KeyText) -> Principal | None:
        """The holder; None for one that is not accepted. Raises `EdgeError` (unauthorized) for a right one that is not
        accepted yet."""
        ...


class Identities:
    """Identifies the holders of keys and sessions. ``keys`` are those of the settings, ``named`` finds the named ones,
    ``sessions`` the tokens of sessions; ``wrong_keys`` counts wrong ones by the caller's address."""

    def __init__(
        self,
        keys: OperatorKeys,
        named: Callable[[], Holders],
        wrong_keys: WrongKeys,
        sessions: Callable[[], Holders] | None = None,
    ) -> None:
        self._keys = keys
        self._named = named
        self._wrong_keys = wrong_keys
        self._sessions = sessions
        self._right: Held[bytes, bool] = Held(_MOST_RIGHT_KEYS)

    def identify(
        self, offered: str | None, accepted: Sequence[str], address: str, *, sessions: bool = False
    ) -> Principal:
        """The holder of the key; of those of the settings only the ``accepted`` ones count, of named ones all, and the
        tokens of ``sessions`` where they are accepted. Raises `EdgeError` (unauthorized), (rate limited) for an
        address that offers too many wrong keys, and (service unavailable) where it cannot be told. Passes on the errors
        of `OperatorKeys`."""
        parsed = key_text.parse(offered)
        if parsed is not None and parsed.prefix != SESSION:
            return self._by_row(self._named, parsed, address)
        if parsed is not None and sessions and self._sessions is not None:
            return self._by_row(self._sessions, parsed, address)
        try:
            name = self._keys.identify(offered, accepted)
        except EdgeError as error:
            if offered and error.kind is Kind.UNAUTHORIZED:
                self._wrong_keys.take(address)
            raise
        return _holder_of(name)

    def _by_row(self, holders: Callable[[], Holders], offered: KeyText, address: str) -> Principal:
        """Looks a key up, but no unknown one for an address whose wrong keys are used up. A key that was right before
        is looked up always: it may share the address with somebody else's broken script."""
        return self.prove(offered.compose(), lambda: holders().identify(offered), address)

    def prove(self, offered: str, find: Callable[[], P | None], address: str) -> P:
        """The holder of a credential that ``find`` looks up, as `_by_row` does. Raises `EdgeError` (unauthorized, rate
        limited)."""
        digest = hashlib.sha256(offered.encode()).digest()
        if self._right.find(digest) is None:
            self._wrong_keys.check(address)
        holder = find()
        if holder is None:
            self._right.forget(digest)
            self._wrong_keys.take(address)
            raise unauthorized()
        self._right.keep(digest, value=True)
        return holder


@cache
def _holder_of(name: str) -> Principal:
    """The holder of a key of the settings. A value that is accepted a while longer is the same principal: its repeats
    are recognised, its cursors lead on, and its limit is one."""
    actor = name.removesuffix(PREVIOUS)
    shown = "" if actor == name else name
    if actor == _METRICS:
        return Principal(
            kind=PrincipalKind.METRICS,
            actor=actor,
            id=actor,
            name=actor,
            shown_key=shown,
            role=KeyRole.VIEWER,
            outputs=False,
        )
    return replace(root(actor), shown_key=shown) if shown else root(actor)
