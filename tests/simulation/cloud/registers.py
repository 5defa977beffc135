"""What a reader of an object may be answered, while others write it: the bytes of a write that no later one has surely
replaced. An answer that got lost leaves open whether its write was done."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
NOTHING = None
Place = tuple[str, str, str]
"""A tenant, the name of a bucket, and a key."""


@dataclass
class Written:
    """A write of one of these ``values``, `NOTHING` for a deletion. ``bucket`` is the id of the bucket in which it was
    surely done; "" while it is not over, if it got no answer, or if buckets of that name have come and gone."""

    values: frozenset[bytes | None]
    begun: datetime
    ended: datetime = NEVER
    bucket: str = ""


@dataclass
class Registers:
    """The writes of each object, and the bytes of each version that was told."""

    writes: dict[Place, list[Written]] = field(default_factory=lambda: defaultdict(list))
    versions: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def begin(self, place: Place, values: Collection[bytes | None], at: datetime) -> Written:
        written = Written(frozenset(values), at)
        self.writes[place].append(written)
        return written

    def possible(self, place: Place, bucket: str, begun: datetime, ended: datetime) -> set[bytes | None]:
        """What a read of the bucket of that id may have found that began and ended then."""
        sure = [each for each in self.writes[place] if each.bucket == bucket and each.ended < begun]

        def is_replaced(written: Written) -> bool:
            return any(later.begun > written.ended for later in sure)

        there = [each for each in self.writes[place] if each.bucket in {"", bucket} and each.begun <= ended]
        values = {value for each in there if not is_replaced(each) for value in each.values}
        return values if sure else values | {NOTHING}
