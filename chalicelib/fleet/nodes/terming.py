"""`Terms`: whether the table of terms is whole, and how it becomes so for rows that were written without it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.fleet.nodes import fill_store, store, term_store
from chalicelib.fleet.nodes.fill_store import Fill
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.nodes.store import SHARDS
from chalicelib.fleet.nodes.terms import folded, is_marked, names_of
from chalicelib.kit import tasks
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.contended import is_committed
from chalicelib.kit.cursors import StepCursor
from chalicelib.kit.errors import unavailable
from chalicelib.kit.redrive import SETTLE
from chalicelib.kit.tables import Tables

TASK = "node_terms"
"""The kind of the task that fills the table."""

_SUBJECT = "fleet"

NODES_AT_ONCE = 100
"""Rows that one chunk of the task reads: one call."""

REMEMBERED = timedelta(minutes=10)
"""How long a container trusts that the table is whole: who removes its state has it made anew after that time."""

LOOK_AGAIN = timedelta(seconds=5)
"""How long it trusts that the table is not whole: one request asks several times."""

AGAIN = timedelta(days=1)
"""When the task looks again for rows that a release without terms has written: one that was gone back to for a while,
or that a further stack still runs."""

_BETWEEN = "/"


@dataclass(frozen=True)
class _Position:
    """The cursor of the task: ``began_at/shard/cursor within``."""

    began_at: str
    here: StepCursor

    @classmethod
    def parse(cls, cursor: str | None, now: str) -> "_Position":
        if cursor is None:
            return cls(now, StepCursor())
        began_at, _, rest = cursor.partition(_BETWEEN)
        return cls(began_at, StepCursor.parse(rest))

    def __str__(self) -> str:
        return f"{self.began_at}{_BETWEEN}{self.here.text()}"


class Terms:
    """Fills the table of terms, and says whether it is full. Every method may be repeated, late or concurrently."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._are_complete = False
        self._known_until: datetime | None = None

    def are_complete(self) -> bool:
        """Whether every node has its terms. One read in ten minutes and container, in five seconds until they have."""
        if not self._is_known():
            self._note(fill_store.read(self._tables, consistent=False))
        return self._are_complete

    def keep(self) -> None:
        """Ask for the task if the table was never filled, and once a day after. A fleet without nodes has a whole
        table from the start."""
        if self._is_known() and self._are_complete:
            return
        now = self._clock.now()
        state = fill_store.read(self._tables)
        self._note(state)
        if state is not None and parse_time(state.asked_at) + AGAIN > now:
            return
        self._known_until = None
        text = to_seconds_text(now)
        if state is None and not fill_store.has_nodes(self._tables):
            self._tables.try_write(fill_store.note_whole(text), "node_terms.done")
            return
        # Another run may be faster, and has asked for the same.
        writes = [fill_store.note_asked(state, text), tasks.ask(TASK, _SUBJECT, now)]
        is_committed(self._tables, writes, "node_terms.asked")

    def fill_chunk(self, _subject: str, cursor: str | None) -> str | None:
        """Write the terms of the next nodes whose rows do not say that they have them; returns the cursor of the next
        chunk. The first pass over a table without a state writes them for every node, whatever rows say. The pass that
        ends it is one that began when indexes had caught up, and when no older release was left that was at work when
        the task was asked for."""
        position = _Position.parse(cursor, to_seconds_text(self._clock.now()))
        here = position.here
        if here.step >= SHARDS:
            self._end(position.began_at)
            return None
        ids, within = fill_store.page_of_ids(self._tables, here.step, here.within, NODES_AT_ONCE)
        state = fill_store.read(self._tables)
        is_anew = state is not None and state.done_at is None and not _has_settled(position.began_at, state)
        for node in store.read_many(self._tables, ids):
            self._fill(node, is_anew=is_anew)
        following = here.after(within)
        return str(_Position(position.began_at, following))

    def forget_name(self, node_id: str, name: str) -> None:
        """Remove the entry of an alias that was taken away, unless its node has the name by now. Raises `EdgeError`
        (service unavailable) if the row stays contended."""
        for _ in self._tables.tries():
            node = next(iter(store.read_many(self._tables, [node_id])), None)
            if node is not None and folded(name) in names_of(node):
                return
            same = store.not_there(node_id) if node is None else store.as_read(node)
            if is_committed(self._tables, [same, term_store.forget_name(node_id, name)], "node.name_forgotten"):
                return
        raise unavailable()

    def _fill(self, node: Node, *, is_anew: bool) -> None:
        """Write a node's terms, if its row does not say that it has them, or ``is_anew``."""
        for _ in self._tables.tries():
            if is_marked(node) and not is_anew:
                return
            if is_committed(self._tables, [store.mark(node), *term_store.changed(None, node)], "node.termed"):
                return
            found = store.read_many(self._tables, [node.id])
            if not found:
                return
            node = found[0]
        raise unavailable()

    def _end(self, began_at: str) -> None:
        state = fill_store.read(self._tables)
        if state is None or not _has_settled(began_at, state):
            return
        self._tables.try_write(fill_store.note_done(state, to_seconds_text(self._clock.now())), "node_terms.done")
        self._known_until = None

    def _is_known(self) -> bool:
        return self._known_until is not None and self._clock.now() < self._known_until

    def _note(self, state: Fill | None) -> None:
        self._are_complete = state is not None and state.done_at is not None
        self._known_until = self._clock.now() + (REMEMBERED if self._are_complete else LOOK_AGAIN)


def _has_settled(began_at: str, state: Fill) -> bool:
    """Whether a pass began when all had settled that was at work when the task was asked for."""
    return parse_time(began_at) >= parse_time(state.asked_at) + SETTLE
