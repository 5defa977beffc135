"""`ReachedCommands`: the list of commands for callers with a restricted reach."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.part_store import FIRST_MOMENT, LAST_MOMENT, Parts, ids_of_moments
from chalicelib.fleet.commands.store import ALL_COMMANDS, COMMANDS, command_key
from chalicelib.fleet.reach import Reach, empty_page
from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import bad_request
from chalicelib.kit.ids import milliseconds_of, to_milliseconds
from chalicelib.kit.listing import Fields, KeySource, Listing, ListPage, ListRequest, Lists, Moment, Text
from chalicelib.kit.tables import Item, Tables

MOST_SKIPPED = 1000
"""Commands within reach that may stand before a page, and that a filter or another order than that of time may look
at."""

COUNTED = 100
"""Commands that are counted behind a page. With more than that the total is a lower bound."""

_AT_ONCE = 40
"""Moments whose commands are read at once."""

_SINCE, _UNTIL = "inserted_at__gte", "inserted_at__lte"

_LAST_OF_SECOND = 999


class ReachedCommands:
    """Lists commands by the moments at which their executions within reach tell that they were given.

    A command is listed while it has an execution within reach. ``fields`` are those of the list of all commands.
    """

    def __init__(self, tables: Tables, parts: Parts, lists: Lists, fields: Fields) -> None:
        self._tables = tables
        self._parts = parts
        self._lists = lists
        self._executions = ExecutionStore(tables)
        by_id = KeySource(by="id", keys=lambda ids: [command_key(row_id) for row_id in ids])
        self._listing = Listing(COMMANDS, {**fields, "id": Text("id")}, (by_id, ALL_COMMANDS))

    def page(self, request: ListRequest, reach: Reach) -> ListPage[Item]:
        """One page, newest or oldest first as by keys; any other order and filter looks at all commands within reach. A
        page by cursor is one of all commands, without those out of reach.

        ``total_count`` is exact up to `COUNTED` commands behind the page, and then a lower bound. Raises `EdgeError`
        (bad request) above `MOST_SKIPPED`, and passes on the errors of `Lists.page`.
        """
        if request.cursor is not None:
            page = self._lists.page(self._listing, request)
            return page.showing(self._reached(page.items, reach))
        by_time = [name for name, _ in request.order] == ["inserted_at"]
        bounds, further = _bounds(request)
        ids = self._ids(reach, *bounds, newest_first=request.order[0][1] if by_time else True)
        if not by_time or further:
            every = list(islice(ids, MOST_SKIPPED + 1))
            if len(every) > MOST_SKIPPED:
                raise bad_request({_SINCE: [f"add or narrow this filter: more than {MOST_SKIPPED} commands"]})
            return self._rows(request, every)
        if request.offset > MOST_SKIPPED:
            text = f"more than {MOST_SKIPPED} commands stand before this page; narrow the list instead"
            raise bad_request({"page": [text]})
        seen = list(islice(ids, request.offset + request.page_size + COUNTED))
        page = self._rows(replace(request, page=1), seen[request.offset : request.offset + request.page_size])
        return ListPage(page.items, request.page, request.page_size, len(seen))

    def _reached(self, rows: list[Item], reach: Reach) -> list[Item]:
        """Those of these commands that have a part within reach."""
        if not rows:
            return []
        given = [milliseconds_of(str(row["id"])) for row in rows]
        ids = set(self._ids(reach, min(given), max(given), newest_first=True))
        return [row for row in rows if row["id"] in ids]

    def _rows(self, request: ListRequest, ids: Sequence[str]) -> ListPage[Item]:
        if not ids:
            return empty_page(request)
        return self._lists.page(self._listing, replace(request, filters={**request.filters, "id": ",".join(ids)}))

    def _ids(self, reach: Reach, first: int, last: int, *, newest_first: bool) -> Iterator[str]:
        """The commands with a part within reach that were given from one millisecond to another, in order; read as the
        caller needs them."""
        moments = self._parts.moments(reach, first, last, newest_first=newest_first)
        while some := list(islice(moments, _AT_ONCE)):
            yield from self._ids_at(some, reach, newest_first=newest_first)

    def _ids_at(self, moments: Sequence[int], reach: Reach, *, newest_first: bool) -> Iterator[str]:
        """The commands that were given at these moments. Several of one millisecond are asked one by one whether they
        have a part within reach."""
        for ids in ids_of_moments(self._tables, moments, newest_first=newest_first):
            yield from ids if len(ids) == 1 else filter(lambda row_id: self._has_part(row_id, reach), ids)

    def _has_part(self, command_id: str, reach: Reach) -> bool:
        ids = self._parts.executions(command_id, reach).keys()
        return self._executions.has_any(command_id, ids)


def _bounds(request: ListRequest) -> tuple[tuple[int, int], bool]:
    """The first and the last millisecond that the filters admit, and whether there are other filters."""
    given = request.filters
    since, until = given.get(_SINCE), given.get(_UNTIL)
    first, last = FIRST_MOMENT, LAST_MOMENT
    if since:
        first = max(first, to_milliseconds(parse_time(Moment.bound("gte", since))))
    if until:
        last = to_milliseconds(parse_time(Moment.bound("lte", until))) + _LAST_OF_SECOND
    return (first, max(last, -1)), bool(given.keys() - {_SINCE, _UNTIL})
