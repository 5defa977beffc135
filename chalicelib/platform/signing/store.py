"""Rows of pairs of keys, one for each purpose."""

from collections.abc import Sequence

from chalicelib.kit.crypto import associated_data
from chalicelib.kit.tables import ConditionFailedError, Equals, Item, Set, Table, Tables, Update, put_new
from chalicelib.platform.signing.model import KeyPair, PublicKey

SIGNING_KEYS = Table("signing_keys", "id")

WEBHOOKS = "webhooks"
"""The purpose of the key that signs deliveries to webhooks."""

SEALED = ("private_sealed",)
"""The sealed attributes of a row."""


class PairStore:
    """Pairs on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, purpose: str) -> KeyPair | None:
        row = self._tables.get(SIGNING_KEYS, {"id": purpose})
        return None if row is None else _from_item(row)

    def add(self, pair: KeyPair) -> KeyPair:
        """The pair that is stored then: this one, or that of a caller who was faster."""
        try:
            row = self._tables.write(put_new(SIGNING_KEYS, _to_item(pair)), "signing_key.created")
        except ConditionFailedError as error:
            row = error.current
        return _from_item(row or {})

    def replace(self, old: KeyPair, new: KeyPair) -> bool:
        """Put a new pair in the place of the one that was read. False if that was replaced meanwhile."""
        item = _to_item(new)
        changes = tuple(Set(name, value) for name, value in item.items() if name != "id")
        update = Update(SIGNING_KEYS, {"id": old.id}, changes, Equals("key_id", old.key_id))
        return self._tables.try_write(update, "signing_key.rotated")


def associated_with(purpose: str) -> str:
    """The associated data with which the private key of a purpose is sealed."""
    return associated_data(SIGNING_KEYS, purpose, "private")


def _to_item(pair: KeyPair) -> Item:
    item: Item = pair.model_dump(mode="python", exclude={"version"})
    return {**item, "previous": [key.model_dump() for key in pair.previous]}


def _from_item(row: Item) -> KeyPair:
    return KeyPair.model_validate(row)


def kept(previous: Sequence[PublicKey], now_text: str) -> tuple[PublicKey, ...]:
    """The earlier keys that are still relied on."""
    return tuple(key for key in previous if key.until is not None and key.until > now_text)
