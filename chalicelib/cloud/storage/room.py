"""`Room`: whether a tenant may store more."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from chalicelib.cloud.storage.rules import spec_of
from chalicelib.cloud.storage.usage import check_room
from chalicelib.platform.provisioning.model import Resource
from chalicelib.platform.quotas.rules import STORAGE_GB


class Quotas(Protocol):
    """The part of `platform.quotas` that is used."""

    def used(self, tenant: str, quotas: Sequence[str]) -> Mapping[str, int]: ...


class Room:
    """``limit`` is how much of a quota a tenant may have; None for no limit."""

    def __init__(self, quotas: Quotas, limit: Callable[[str, str], int | None]) -> None:
        self._quotas = quotas
        self._limit = limit

    def check(self, tenant: str, bucket: Resource | None = None) -> None:
        """Raises `EdgeError` (forbidden) if the tenant has more than its quota; ``bucket`` is where the bytes are to
        go. Two reads."""
        used = self._quotas.used(tenant, [STORAGE_GB])[STORAGE_GB]
        check_room(used, self._limit(tenant, STORAGE_GB), None if bucket is None else spec_of(bucket))
