"""Transactions that change what belongs to a tenant."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.kit.errors import EdgeError, conflict, not_found
from chalicelib.kit.tables import Tables, TransactionFailedError, Update, Write
from chalicelib.platform.identity.tenant_store import note_change


def commit_of_tenant(
    tables: Tables,
    tenant: str,
    writes: Sequence[Write],
    operation: str,
    now: datetime,
    *,
    result: object,
    refused: EdgeError,
    beside: Sequence[Write] = (),
    change: Update | None = None,
) -> None:
    """Make the writes to rows of a tenant, and those ``beside``, together with a touch of the tenant's row, which the
    audit log tells, or with a ``change`` of that row. Raises ``refused`` if the condition of a write or of the change
    fails, and `EdgeError` (not found) if only that of the touch does: the tenant is deleted."""
    whole = [*beside, change or note_change(tenant, now)]
    try:
        tables.scoped(tenant).commit(writes, operation, beside=whole, result=result)
    except TransactionFailedError as error:
        is_gone = change is None and set(error.failed) == {len(writes) + len(beside)}
        raise (not_found() if is_gone else refused) from error


def changed_meanwhile(thing: str = "it") -> EdgeError:
    """The error for a thing that another request has changed or deleted since it was read."""
    return conflict(f"{thing} was changed meanwhile: try again")
