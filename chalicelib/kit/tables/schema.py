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
    only. ``retired``: no code queries it any more; it is removed once every stack runs such code.
    """

    name: str
    partition: str
    sort: str | None = None
    projected: tuple[str, ...] = ()
    retired: bool = False


@dataclass(frozen=True)
class Table:
    """A table per aggregate. ``name`` is the aggregate; the deployed name is ``{app}-{stage}-{name}``.

    ``numbers`` names the key attributes (of the table or an index) that are numbers; all others are text. ``stream``
    enables a change stream with old and new images; if ``relayed`` names operations, only the rows that these have
    written are read from it, neither removals nor other writes. A stream record that cannot be read is set aside
    without the attributes ``unparked``, which are large or private. ``expires_at`` names the TTL attribute (epoch
    seconds); no logic may depend on when DynamoDB deletes the row. A ``tenanted`` table holds rows of tenants, which
    only `Tables.scoped` can address. Raises ValueError if it has a partition key that is a number.
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

    def __post_init__(self) -> None:
        if wrong := self.tenant_keys & self.numbers:
            raise ValueError(f"{self.name} has tenants: the partition key {min(wrong)} cannot be a number")

    @cached_property
    def tenant_keys(self) -> frozenset[str]:
        """The attributes that are stored with the tenant before their value: the partition keys, of a tenanted table
        only."""
        return frozenset({self.partition, *(index.partition for index in self.indexes)} if self.tenanted else ())

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
