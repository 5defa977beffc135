"""`Audit`: notes acts and refusals, and reads the log."""

from chalicelib.kit.held import Held
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.log import Log
from chalicelib.kit.origin import Origin, current_origin
from chalicelib.kit.tables import ActedOn, Item, Put, Tables
from chalicelib.platform.access.principal import PrincipalKind
from chalicelib.platform.audit import store
from chalicelib.platform.audit.model import AuditEvent
from chalicelib.platform.audit.store import AUDIT_LIST, from_item

_REMEMBERED = 1000
"""Actors whose last refusal a container remembers."""


def noting(origin: Origin, thing: ActedOn) -> Put:
    """The write that notes an act, for the transaction that it belongs to."""
    return store.note(store.act_of(origin, origin.verb, thing))


def noting_as(verb: str, thing: ActedOn, tenant: str) -> Put:
    """The write that notes, in the log of a tenant, what else the current request does there than its own verb says."""
    return noting(current_origin()._replace(verb=verb, tenant=tenant), thing)


def noting_failure(user_id: str, tenant: str) -> Put:
    """The write that notes that someone failed to show that it is this user of a tenant; "" for one that is unknown."""
    return store.note_failure(_anonymous_in(tenant), ActedOn("user", user_id))


def _anonymous_in(tenant: str) -> Origin:
    return current_origin()._replace(actor=f"{PrincipalKind.ANONYMOUS.value}:", tenant=tenant)


class Audit:
    """``hasty`` are the same tables without repeats: refusals wait for nothing."""

    def __init__(self, tables: Tables, hasty: Tables, lists: Lists, log: Log) -> None:
        self._tables = tables
        self._hasty = hasty
        self._lists = lists
        self._log = log
        self._refused: Held[str, str] = Held(_REMEMBERED)
        """So that this container asks the table once a second for an actor."""

    def note(self, *things: ActedOn) -> None:
        """Note that the current request acts on these things in a way that changes no row, such as showing a secret: to
        be called before the answer is given. At most 100 things. Raises `EdgeError` (service unavailable).
        """
        origin = current_origin()
        writes = [noting(origin, thing) for thing in dict.fromkeys(things)]
        if len(writes) == 1:
            self._tables.write(writes[0], "audit.noted")
        elif writes:
            self._tables.commit(writes, "audit.noted")

    def note_refused(self, origin: Origin, operation: str, aimed_at: ActedOn) -> None:
        """Note a refusal, if it is the first of this actor within this second. Never raises: a failure is logged."""
        try:
            refusal_id = store.refusal_id(origin)
            if self._refused.find(origin.actor) != refusal_id:
                self._hasty.try_write(store.note_refusal(origin, operation, aimed_at), "audit.refused")
                self._refused.keep(origin.actor, refusal_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer stays what it is
            self._log.failure("audit_failed", error, request_id=origin.request_id)

    def note_failed(self, thing: ActedOn, tenant: str) -> None:
        """Note that someone failed to show that it is this thing of a tenant, once a second; one that is unknown has no
        id, and "" for its tenant. Never raises: a failure is logged."""
        origin = _anonymous_in(tenant)
        try:
            self._hasty.try_write(store.note_failure_once(origin, thing), "audit.refused")
        except Exception as error:  # noqa: BLE001 - as above
            self._log.failure("audit_failed", error, request_id=origin.request_id)

    def record(self, row: Item) -> None:
        """Store an event that was derived from the change stream, unless it is there. Raises `EdgeError` (service
        unavailable)."""
        self._tables.try_write(store.note_once(row), "audit.derived")

    def page_of_tenant(self, tenant: str, request: ListRequest) -> ListPage[AuditEvent]:
        """One page of the log of a tenant, as `list_page`. Two calls where no filter is left."""
        return self._lists.page(store.list_of_tenant(tenant), request).map(from_item)

    def list_page(self, request: ListRequest) -> ListPage[AuditEvent]:
        """One page of the log; raises `EdgeError` (bad request) when the filters leave too much to read."""
        return self._lists.page(AUDIT_LIST, request).map(from_item)
