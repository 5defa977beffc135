"""Tells callers by what they present: who that is, as a `Principal`."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from chalicelib.kit.errors import EdgeError, Kind, unauthorized
from chalicelib.platform.access import key_text
from chalicelib.platform.access.key_text import KeyText
from chalicelib.platform.access.keys import PREVIOUS, OperatorKeys
from chalicelib.platform.access.named_keys import NamedKeys
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Principal, PrincipalKind, root

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


class Identities:
    """Identifies the holders of keys. ``keys`` are those of the settings, ``named`` finds the named ones;
    ``wrong_keys`` counts wrong keys by the caller's address."""

    def __init__(self, keys: OperatorKeys, named: Callable[[], NamedKeys], wrong_keys: WrongKeys) -> None:
        self._keys = keys
        self._named = named
        self._wrong_keys = wrong_keys
        self._right: OrderedDict[bytes, None] = OrderedDict()

    def identify(self, offered: str | None, accepted: Sequence[str], address: str) -> Principal:
        """The holder of the key; of those of the settings only the ``accepted`` ones count, of named ones all. Raises
        `EdgeError` (unauthorized), and (rate limited) for an address that offers too many wrong keys. Passes on the
        errors of `OperatorKeys`."""
        parsed = key_text.parse(offered)
        if parsed is not None:
            return self._by_name(parsed, address)
        try:
            name = self._keys.identify(offered, accepted)
        except EdgeError as error:
            if offered and error.kind is Kind.UNAUTHORIZED:
                self._wrong_keys.take(address)
            raise
        if name.startswith(_METRICS):
            return Principal(
                kind=PrincipalKind.METRICS, actor=name, id=name, name=name, role=KeyRole.VIEWER, outputs=False
            )
        # A value that is accepted a while longer is the same principal: its repeats are recognised.
        return replace(root(name), id=name.removesuffix(PREVIOUS))

    def _by_name(self, offered: KeyText, address: str) -> Principal:
        """Looks a key up, but no unknown one for an address whose wrong keys are used up. A key that was right before
        is looked up always: it may share the address with somebody else's broken script."""
        digest = hashlib.sha256(offered.compose().encode()).digest()
        if digest not in self._right:
            self._wrong_keys.check(address)
        principal = self._named().identify(offered)
        if principal is None:
            self._right.pop(digest, None)
            self._wrong_keys.take(address)
            raise unauthorized()
        self._right[digest] = None
        self._right.move_to_end(digest)
        if len(self._right) > _MOST_RIGHT_KEYS:
            self._right.popitem(last=False)
        return principal
