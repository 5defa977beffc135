"""The specification of a table: its key, its indexes and their projections. Used by stores, templates and the fake."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

Value = str | int | bool | bytes | list["Value"] | dict[str, "Value"] | frozenset[str] | None
"""The value of an attribute. None stands for "missing" and is never stored. Numbers are integers."""

Item = dict[str, Value]
Key = Mapping[str, str | int]


@dataclass(frozen=True)
class Index:
    """A global secondary index. A row without one of the key attributes is not in it (a sparse index).

    ``projected`` lists the attributes that it carries besides the keys of the table and of the index; empty means keys
    only. ``retired``: no code queries it any more; it is removed once every stack runs such code. ``shared``: an index
    of a tenanted table over the rows of all tenants, which can be queried of the `whole` table alone
    (`kit.tables.tenants`).
    """

    name: str
    partition: str
    sort: str | None = None
    projected: tuple[str, ...] = ()
    retired: bool = False
    shared: bool = False


@dataclass(frozen=True)
class Thing:
    """The thing that a row belongs to, as operators know it. ``kind`` begins the verbs that act on it (`cluster` of
    `cluster.delete`); ``id`` and ``name`` are the attributes with its id and its name for people. With ``made_with``
    the row is made together with another row of the thing, which tells that. A table whose rows are of several kinds
    names the attribute ``kind_in`` that says which, instead of ``kind``.
    """

    kind: str = ""
    id: str = "id"
    name: str | None = None
    made_with: bool = False
    kind_in: str | None = None

    def kind_of(self, row: Item) -> str:
        """The kind of the thing of a row."""
        return self.kind if self.kind_in is None else str(row.get(self.kind_in, ""))


@dataclass(frozen=True)
class Table:
    """A table per aggregate. ``name`` is the aggregate; the deployed name is ``{app}-{stage}-{name}``.

    ``numbers`` names the key attributes (of the table or an index) that are numbers; all others are text. ``stream``
    enables a change stream with old and new images; if ``relayed`` names operations, only the rows that these have
    written are read from it, neither removals nor other writes. A stream record that cannot be read is set aside
    without the attributes ``unparked``, which are large or private. ``expires_at`` names the TTL attribute (epoch
    seconds); no logic may depend on when DynamoDB deletes the row. A ``tenanted`` table holds rows of tenants, which
    only `Tables.scoped` can address. The rows of a ``derived`` table follow from those of another, with which they are
    put and deleted: they bear no stamp of their own. ``queried``: queries go by its own key as well as by its indexes.
    ``thing`` is what operators act on when they change a row (`kit.tables.acts`).
    Raises ValueError if it has tenants and a partition key that is a number, or that is also a shared index's.
    """

    name: str
    partition: str
    sort: str | None = None
    indexes: tuple[Index, ...] = ()
    numbers: frozenset[str] = frozenset()
    stream: bool = False
    relayed: frozenset[str] = frozenset()
    unparked: frozenset[str] = frozenset()
    expires_at: str | None = None
    tenanted: bool = False
    derived: bool = False
    queried: bool = False
    thing: Thing | None = None

    def __post_init__(self) -> None:
        if wrong := self.tenant_keys & self.numbers:
            raise ValueError(f"{self.name} has tenants: the partition key {min(wrong)} cannot be a number")
        if wrong := self.tenant_keys & {index.partition for index in self.indexes if index.shared}:
            raise ValueError(f"{self.name}: {min(wrong)} cannot be a key of one tenant's rows and of all tenants'")

    @cached_property
    def tenant_keys(self) -> frozenset[str]:
        """The attributes that are stored with the tenant before their value: the partition keys, of a tenanted table
        only, but for those of its shared indexes."""
        own = (index.partition for index in self.indexes if not index.shared)
        return frozenset({self.partition, *own} if self.tenanted else ())

    def tells(self, operation: str) -> bool:
        """Whether the change stream has the rows that this operation writes."""
        return self.stream and (not self.relayed or operation in self.relayed)

    def index(self, name: str) -> Index:
        """The index of that name. Raises KeyError."""
        for index in self.indexes:
            if index.name == name:
                return index
        raise KeyError(f"{self.name} has no index {name}")

    def key_of(self, item: Item) -> Key:
        """The primary key of a row."""
        names = (self.partition,) if self.sort is None else (self.partition, self.sort)
        return {name: value for name in names if isinstance(value := item[name], str | int)}
