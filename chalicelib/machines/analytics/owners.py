"""`Owners`: the tenant of an instance or a node, for facts that do not tell it."""

from collections.abc import Callable, Sequence

from chalicelib.kit.tables import Tables
from chalicelib.machines.analytics import store
from chalicelib.machines.analytics.model import Entry, Made, Owner
from chalicelib.platform.access.principal import DEFAULT_TENANT


class Owners:
    """Keeps whose each id is in a row of its own. It stays for as long as the history of the instance does, and longer
    than the instance: a fact that comes late still belongs to its tenant. ``find_made`` reads the instance of an id;
    None for a node that is not one."""

    def __init__(self, tables: Tables, find_made: Callable[[str], Made | None]) -> None:
        self._tables = tables
        self._find_made = find_made

    def of(self, instance_id: str, entries: Sequence[Entry]) -> Owner:
        """The owner, from these entries if they tell it. A node that is not an instance belongs to the operator.
        Raises `EdgeError` (service unavailable)."""
        row = self._tables.get(store.OWNERS, store.key_of(instance_id))
        known = None if row is None else store.owner_in(row)
        told = next((entry.made for entry in entries if entry.made is not None), None)
        # The instance may have been too new to be found when the first fact of its node came.
        if known is not None and (known.is_instance or told is None):
            return known
        made = told or self._find_made(instance_id)
        if made is None:
            return Owner(instance_id, DEFAULT_TENANT, is_new=True)
        return Owner(instance_id, made.tenant, is_instance=True, name=made.name, is_new=True)

    def note(self, owner: Owner) -> None:
        """Keep a new owner. May be repeated; an instance stays one."""
        self._tables.try_write(store.new_owner(owner), "analytics.owner_noted")

    def end(self, owner: Owner, expires_epoch: int | None) -> None:
        """Let the row go with that of the instance; None: it stays. May be repeated."""
        self._tables.try_write(store.owner_ends(owner.id, expires_epoch), "analytics.owner_ends")
