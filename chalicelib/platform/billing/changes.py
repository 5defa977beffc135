"""The marks that changes of resources make. Pure: the same change always makes the same mark."""

from collections.abc import Iterator, Mapping

from chalicelib.kit.changes import Change
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.queues import Traced
from chalicelib.kit.tables import Item
from chalicelib.platform.billing.model import Mark
from chalicelib.platform.billing.queues import METERING
from chalicelib.platform.context import Send
from chalicelib.platform.provisioning.model import Charge
from chalicelib.platform.provisioning.ports import Kind
from chalicelib.platform.provisioning.store import RESOURCES, from_item


def marks_of_kinds(change: Change, kinds: Mapping[str, Kind]) -> Iterator[Send]:
    """The mark of a change of a resource, if it is charged for something else from then on. A row that is removed ends
    what it was charged for."""
    if change.table != RESOURCES.name:
        return
    old, new = _charge_of(change.old, kinds), _charge_of(change.new, kinds)
    if old != new:
        mark = _mark(change, new)
        yield Send(METERING, Traced(mark.model_dump(), change.request_id))


def _charge_of(row: Item | None, kinds: Mapping[str, Kind]) -> Charge | None:
    kind = None if row is None else kinds.get(str(row["resource_kind"]))
    return None if row is None or kind is None else kind.charge_of(from_item(row))


def _mark(change: Change, charge: Charge | None) -> Mark:
    row = from_item(change.row)
    return Mark(
        tenant=row.tenant,
        resource_id=row.id,
        kind=row.kind,
        owner=row.owner,
        version=row.version + (change.new is None),
        at=to_seconds_text(parse_time(change.at)),
        charge_type=charge.type if charge else None,
        charge_size=charge.size if charge else "",
        units=charge.units if charge else 0,
    )
