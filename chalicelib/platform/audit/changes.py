"""The acts of operators in the change stream. Pure.

The request of an operator that acts on something leaves its verb in the stamp of each row that it writes. The stamps
that workers leave afterwards have none.
"""

from collections.abc import Iterator

from chalicelib.kit.changes import Change
from chalicelib.kit.origin import Origin
from chalicelib.kit.tables import Thing, acted_on, kind_of
from chalicelib.kit.tables.conditions import value_at
from chalicelib.platform.audit.store import act_item, act_of
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.context import Send

EVENT = "audit_event"
"""The kind of the background work that stores an event."""


def acts_of(change: Change, thing: Thing) -> Iterator[Send]:
    """The event of a change of a thing's row, if an operator's act on such a thing made it. Removals are noted in their
    transaction, since a removed row names its writer before."""
    verb = change.stamp("verb")
    made_elsewhere = thing.made_with and change.old is None
    if change.new is None or not verb or kind_of(verb) != thing.kind_of(change.row) or made_elsewhere:
        return
    origin = Origin(
        change.request_id,
        change.stamp("actor"),
        change.stamp("address"),
        name=change.stamp("name"),
        is_deferred=value_at(change.row, "changed_by.deferred") is True,
        tenant=change.stamp("in_tenant") or change.tenant,
        user=change.stamp("user"),
    )
    row = act_item(act_of(origin, verb, acted_on(thing, change.row)))
    yield Send(CLEAN_UP, {"kind": EVENT, "id": row["id"], "row": row})
