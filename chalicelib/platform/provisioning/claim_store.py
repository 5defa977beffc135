"""Claims: names of which one resource of a tenant holds each at a time.

A claim reads ``scope/name`` (`vpc-name/prod`, `gateway/{vpc}`…). It is taken in the transaction that makes or changes
its resource, and given back in the one that releases it. All claims of one scope are read at once, and are never
behind: an index is.
"""

from collections.abc import Mapping

from chalicelib.kit.errors import EdgeError, Kind, taken
from chalicelib.kit.tables import Absent, Delete, Equals, Item, Or, Put, Query, Table, Tables

CLAIMS = Table("claims", partition="scope", sort="name", tenanted=True, queried=True)

_HOLDER = "holder"


class ClaimTakenError(EdgeError):
    """Another resource holds the claim. The message names the claim's name; who knows what it stands for says more."""

    def __init__(self, claim: str, holder: str) -> None:
        super().__init__(Kind.CONFLICT, taken(_key(claim)["name"]).message)
        self.claim = claim
        self.holder = holder


def taking(claim: str, resource_id: str) -> Put:
    """The write that takes a claim; fails if another resource holds it. Raises ValueError for an invalid claim."""
    free = Or(Absent(_HOLDER), Equals(_HOLDER, resource_id))
    return Put(CLAIMS, {**_key(claim), _HOLDER: resource_id}, free)


def giving_back(claim: str, resource_id: str) -> Delete:
    """The write that gives a claim back; fails if another resource holds it."""
    return Delete(CLAIMS, _key(claim), Or(Absent(_HOLDER), Equals(_HOLDER, resource_id)))


def claim_of(write: Put) -> str:
    """The claim that a write of `taking` takes."""
    return "/".join(str(write.item[part]) for part in ("scope", "name"))


def holder_in(row: Item | None) -> str:
    """The holder in a claim's row, "" without one."""
    return str((row or {}).get(_HOLDER, ""))


def holder_of(tables: Tables, claim: str) -> str | None:
    """The id of the resource that holds a claim, as ``tables`` of one tenant have it now."""
    return holder_in(tables.get(CLAIMS, _key(claim))) or None


def holders_in(tables: Tables, scope: str) -> Mapping[str, str]:
    """The holders of all claims of a scope, by name, as ``tables`` of one tenant have them now."""
    pages = tables.pages(Query(CLAIMS, scope, consistent=True))
    return {str(row["name"]): str(row[_HOLDER]) for page in pages for row in page.items}


def _key(claim: str) -> dict[str, str]:
    scope, _, name = claim.partition("/")
    if not scope or not name:
        raise ValueError(f"a claim reads scope/name, not {claim}")
    return {"scope": scope, "name": name}
