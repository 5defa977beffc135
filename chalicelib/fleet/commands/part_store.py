"""`Parts`: the parts of commands within a reach, found by their executions.

No row lists the clusters that a command has reached, but the index of executions by cluster tells them. Its sort key is
the id of an execution, which begins with the millisecond of its command (`store.execution_id`). So the executions of
one command in a cluster are one range of the index, and the next command of that cluster begins behind the range of the
last. Unrestricted callers pay nothing for this.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.fleet.clusters.model import Identified
from chalicelib.fleet.commands.store import (
    COMMANDS,
    EXECUTIONS,
    FAN_OUTS,
    LISTING,
    SHARDS,
    cluster_shard,
    fan_out_key,
)
from chalicelib.fleet.reach import Reach
from chalicelib.kit.ids import compose_uuid7, milliseconds_of
from chalicelib.kit.tables import Between, Exists, Page, Query, Set, Tables, Update

KEYS_AT_ONCE = 25
"""Keys that one read of a partition takes: the commands of a small cluster by the dozen, and half a read unit where a
command has more executions than that."""

FIRST_MOMENT, LAST_MOMENT = 0, 2**48 - 1
"""What the time bits of a UUIDv7 hold."""


class Parts:
    """Reads the index by cluster. ``within`` finds the clusters of a reach. A cluster that was deleted has no part any
    more, and one that was made again under its name none of what is older than itself."""

    def __init__(self, tables: Tables, within: Callable[[Reach], Sequence[Identified]]) -> None:
        self._tables = tables
        self._within = within

    def executions(self, command_id: str, reach: Reach) -> dict[str, Identified]:
        """The ids of all executions within reach of the commands of this command's millisecond, each with its cluster:
        nearly always of this command alone."""
        moment = milliseconds_of(command_id)
        clusters = [cluster for cluster in self._within(reach) if milliseconds_of(cluster.id) <= moment]
        left = [
            (cluster, _of_moments(cluster.name, shard, moment, moment))
            for cluster in clusters
            for shard in range(SHARDS)
        ]
        found: dict[str, Identified] = {}
        while left:
            pages = self._tables.query_many([query for _, query in left])
            read = list(zip(left, pages, strict=True))
            found |= {str(item["id"]): cluster for (cluster, _), page in read for item in page.items}
            left = [
                (cluster, replace(query, start=page.last_key))
                for (cluster, query), page in read
                if page.last_key is not None
            ]
        return found

    def moments(self, reach: Reach, first: int, last: int, *, newest_first: bool) -> Iterator[int]:
        """The milliseconds from ``first`` to ``last`` at which commands with an execution within reach were given, each
        once and in order; read as the caller needs them."""
        lanes = [
            _Lane(cluster.name, shard, max(first, milliseconds_of(cluster.id)), last, newest_first)
            for cluster in self._within(reach)
            for shard in range(SHARDS)
        ]
        choose = max if newest_first else min
        while True:
            hungry = [lane for lane in lanes if lane.is_hungry]
            for lane, page in zip(hungry, self._tables.query_many([lane.query for lane in hungry]), strict=True):
                lane.take(page)
            lanes = [lane for lane in lanes if lane.moments]
            if not lanes:
                return
            following = choose(lane.moments[0] for lane in lanes)
            for lane in lanes:
                if lane.moments[0] == following:
                    lane.moments.popleft()
            yield following


@dataclass
class _Lane:
    """One partition: the moments that were read and not yet used, and the bounds of those that are left."""

    name: str
    shard: int
    first: int
    last: int
    newest_first: bool
    moments: deque[int] = field(default_factory=deque)

    @property
    def is_hungry(self) -> bool:
        return not self.moments and self.first <= self.last

    @property
    def query(self) -> Query:
        whole = _of_moments(self.name, self.shard, self.first, self.last)
        return replace(whole, descending=self.newest_first, limit=KEYS_AT_ONCE)

    def take(self, page: Page) -> None:
        """Note the moments of a page. The last one may have further executions: they are skipped."""
        self.moments.extend(dict.fromkeys(milliseconds_of(str(item["id"])) for item in page.items))
        if page.last_key is None:
            self.first = self.last + 1
        elif self.newest_first:
            self.last = self.moments[-1] - 1
        else:
            self.first = self.moments[-1] + 1


def _of_moments(name: str, shard: int, first: int, last: int) -> Query:
    """The executions in a cluster of the commands that were given from one millisecond to another."""
    bounds = Between(compose_uuid7(first, 0), compose_uuid7(last, -1))
    return Query(EXECUTIONS, cluster_shard(name, shard), EXECUTIONS.index("by_cluster"), sort=bounds)


def ids_of_moments(tables: Tables, moments: Sequence[int], *, newest_first: bool) -> list[list[str]]:
    """The ids of the commands that were given at each of these milliseconds."""
    queries = [
        Query(
            COMMANDS,
            LISTING,
            COMMANDS.index("listing"),
            sort=Between(compose_uuid7(moment, 0), compose_uuid7(moment, -1)),
            descending=newest_first,
        )
        for moment in moments
    ]
    return [[str(item["id"]) for item in page.items] for page in tables.query_many(queries)]


def part_cancelled(command_id: str, now: str) -> Update:
    """The write that notes in the row of a command's fan-out that a part of it was cancelled; fails if the command is
    gone."""
    return Update(FAN_OUTS, fan_out_key(command_id), (Set("part_cancelled_at", now),), Exists("command_id"))


def page_of_part(tables: Tables, command_id: str, cluster_name: str, shard: int, after: str | None, limit: int) -> Page:
    """Keys of one shard of the executions in a cluster of the commands of this command's millisecond."""
    moment = milliseconds_of(command_id)
    start = None if after is None else {"cluster_shard": cluster_shard(cluster_name, shard), "id": after}
    return tables.query(replace(_of_moments(cluster_name, shard, moment, moment), limit=limit, start=start))
