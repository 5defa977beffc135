"""The operation table: every operation of every published API, with its permission, scope and audit verb.

A row is made from the operation's `Endpoint`, which raises an error at import where one of these is missing. Documents,
tests and clients that offer operations read this table; the router reads `routes.json`, which imports no route.
"""

from dataclasses import dataclass

from chalicelib import families
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.principal import Scope
from chalicelib.web.operation import Endpoint


@dataclass(frozen=True, eq=False)
class OperationRow:
    """One operation. ``family`` and ``api`` are the names of the family and of the API that it belongs to; ``id`` is
    its ``operationId`` in that API's OpenAPI document."""

    family: str
    api: str
    endpoint: Endpoint

    @property
    def id(self) -> str:
        return self.endpoint.view.__name__

    @property
    def method(self) -> str:
        return self.endpoint.method

    @property
    def path(self) -> str:
        """The path in the published document."""
        return self.endpoint.shown_path

    @property
    def permission(self) -> Permission | None:
        """The permission that the caller needs; None where the audience decides without one."""
        return self.endpoint.permission

    @property
    def role(self) -> KeyRole | None:
        """The least role that contains the permission."""
        return None if self.permission is None else self.permission.role

    @property
    def scope(self) -> Scope | None:
        """The owner of the operation's resource; None where there is no permission."""
        return self.endpoint.scope

    @property
    def audit(self) -> str:
        """The verb of its rows in the audit log, `<thing>.<action>`; empty if it writes none."""
        return self.endpoint.audit

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return not self.endpoint.is_read

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether a repeat is recognised by its ``Idempotency-Key``."""
        return self.endpoint.takes_idempotency_key

    @property
    def repeats(self) -> str:
        """Why a POST without ``Idempotency-Key`` may be repeated; empty for every other operation."""
        return self.endpoint.repeats

    def __str__(self) -> str:
        return self.id


def every_operation() -> list[OperationRow]:
    """The operations of all families, in the order of their documents. Imports every module of routes."""
    return [
        OperationRow(family, api.name, endpoint)
        for family in families.NAMES
        for api in families.apis_of(family)
        for endpoint in api.endpoints()
    ]
