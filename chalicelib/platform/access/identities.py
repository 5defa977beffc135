"""Tells callers by what they present: who that is, as a `Principal`."""

from collections.abc import Sequence

from chalicelib.platform.access.keys import OperatorKeys
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Principal, PrincipalKind, root

_METRICS = "METRICS_KEY"


class Identities:
    """Identifies the holders of keys. ``keys`` are those of the settings."""

    def __init__(self, keys: OperatorKeys) -> None:
        self._keys = keys

    def identify(self, bearer: str | None, accepted: Sequence[str]) -> Principal:
        """The holder of the key; of those of the settings only the ``accepted`` ones count. Raises `EdgeError`
        (unauthorized), and passes on the errors of `OperatorKeys`."""
        name = self._keys.identify(bearer, accepted)
        if name.startswith(_METRICS):
            return Principal(
                kind=PrincipalKind.METRICS, actor=name, id=name, name=name, role=KeyRole.VIEWER, outputs=False
            )
        return root(name)
