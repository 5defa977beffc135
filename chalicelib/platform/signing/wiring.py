"""The parts of the context `signing`, put together once per container."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.platform.signing.store import WEBHOOKS, PairStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.kit.clock import Clock
    from chalicelib.kit.crypto import Sealer
    from chalicelib.kit.ids import Ids
    from chalicelib.kit.tables import Tables
    from chalicelib.platform.signing.authority import Authority
    from chalicelib.platform.signing.model import KmsClient
    from chalicelib.platform.signing.service import Signing


class SigningContext:
    """``kms_key`` is the ARN of KMS's asymmetric key, "" where there is none; ``core_name`` names the authority."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        *,
        sealer: Sealer,
        kms: Callable[[], KmsClient],
        kms_key: str,
        core_name: str,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._sealer = sealer
        self._kms = kms
        self._kms_key = kms_key
        self._core_name = core_name
        self._store = PairStore(tables)

    @cached_property
    def signatures(self) -> Signing:
        from chalicelib.platform.signing.keys import KmsKeys, SealedKeys
        from chalicelib.platform.signing.service import Signing

        keys = KmsKeys(self._kms, self._kms_key) if self._kms_key else SealedKeys(self._sealer)
        return Signing(self._store, keys, self._sealer, self._clock, self._ids)

    def sign_webhook(self, body: bytes) -> str:
        """The signature of a delivery's body, as base64."""
        return self.signatures.sign(WEBHOOKS, body).base64

    @cached_property
    def authority(self) -> Authority:
        from chalicelib.platform.signing.authority import Authority

        return Authority(self._store, self._sealer, self._clock, self._ids, f"{self._core_name} client CA")
