"""Node liveness: records signs of life, and marks silent nodes as unreachable."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from chalicelib.fleet.nodes import instances, presence_store, rules, store, term_store
from chalicelib.fleet.nodes.identity import Identity
from chalicelib.fleet.nodes.model import Agent, NodeView, Presence, Status
from chalicelib.fleet.nodes.rules import HealthLimits
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.contended import is_committed
from chalicelib.kit.errors import not_found, unavailable
from chalicelib.kit.tables import ConditionFailedError, Key, Tables, TransactionFailedError

SWEEP_PAGE = 100
"""The number of nodes to check together: one BatchGet of their presence."""

CLEAN_UP_PATIENCE = timedelta(minutes=15)
"""When to check the presence of a deleted node again; its clean-up removes it."""

_NODE_INDEX = 0
"""The index of the node's own write in the transaction that marks it as unreachable."""


@dataclass(frozen=True)
class HealthSweep:
    """The result of a sweep. ``finished`` is False if its time ran out; the next sweep continues."""

    moved: int = 0
    unreachable: int = 0
    finished: bool = True


class _Found(Enum):
    """The result of checking a due node."""

    HEARD = auto()
    SILENT = auto()
    DELETED = auto()
    OVERTAKEN = auto()


class Health:
    """Records when nodes were last seen, and finds silent ones."""

    def __init__(self, tables: Tables, clock: Clock, limits: HealthLimits, identity: Identity) -> None:
        self._tables = tables
        self._clock = clock
        self._limits = limits
        self._identity = identity

    def touch(self, agent: Agent) -> Agent:
        """Record a sign of life of the agent: update "last seen" if that is old, and make an unreachable node reachable
        again. Returns the node, with an identity conflict if this call reveals one. Makes no call if there is nothing
        to record. A node that was deleted or re-registered meanwhile is left unchanged.
        """
        now = self._clock.now()
        is_news = agent.node.identity_conflict_at is None
        if is_news and instances.look_at(agent.presence, agent.instance_id, now).is_conflict:
            return self._identity.note_conflict(agent)
        if rules.is_touch_due(agent.node, agent.presence, self._limits, now, agent.instance_id):
            self._note_heard(agent, now)
        return agent

    def _note_heard(self, agent: Agent, now: datetime) -> None:
        if agent.node.status is Status.UNREACHABLE:
            self._take_back(agent)
            return
        try:
            self._tables.write(presence_store.note_seen(agent, to_seconds_text(now)), "presence.seen")
        except ConditionFailedError as error:
            if error.current is not None and "health_due" not in error.current:
                self._take_back_now(agent)

    def report(self, agent: Agent, status: Status, facts: Mapping[str, Any] | None = None) -> NodeView:
        """Set the status that the agent reports, unless two machines use its identity, and what it says of its machine
        (`description.FACTS`) if that has changed. `touch` has been called for this
        request. Raises `EdgeError` (not found) if the node was deleted meanwhile, (rate limited) if its status changes
        too often, (service unavailable) if the row stays contended.
        """
        agent = self._describe(agent, facts or {})
        for _ in self._tables.tries():
            if agent.node.status is status or agent.node.identity_conflict_at is not None:
                return self._view(agent)
            repaid = rules.repaid_after_change(agent.presence, self._clock.now())
            if self._change(agent, status, "node.health_reported", repaid):
                return self._view(agent, status=status)
            agent = self._again(agent)
        raise unavailable()

    def _describe(self, agent: Agent, facts: Mapping[str, Any]) -> Agent:
        """Store the facts that differ. A node that registers meanwhile tells them itself."""
        news = {name: value for name, value in facts.items() if value != getattr(agent.node, name)}
        if not news:
            return agent
        stored = {name: list(value) or None if isinstance(value, tuple) else value for name, value in news.items()}
        after = agent.node.model_copy(update=news)
        write = store.set_facts(agent.node, stored, to_seconds_text(self._clock.now()))
        if "hostname" not in news:
            return replace(agent, node=after) if self._tables.try_write(write, "node.described") else agent
        with suppress(TransactionFailedError):
            self._tables.commit([write, *term_store.changed(agent.node, after)], "node.described")
            return replace(agent, node=after)
        return agent

    def sweep(self, budget_seconds: float) -> HealthSweep:
        """Check every due node: a node that was seen since becomes due later, the others become unreachable. The cost
        depends on the number of due nodes, not on the size of the fleet. Sweeps may repeat and run concurrently.
        """
        give_up = self._clock.now() + timedelta(seconds=budget_seconds)
        found: Counter[_Found] = Counter()
        finished = True
        for presence in self._due():
            if self._clock.now() > give_up:
                finished = False
                break
            found[self._look_at(presence)] += 1
        return HealthSweep(found[_Found.HEARD], found[_Found.SILENT], finished)

    def _due(self) -> Iterator[Presence]:
        """The presence of every due node, page by page. Each minute starts at another shard, so that none is always
        last if time runs out."""
        first = int(self._clock.now().timestamp()) // 60
        for offset in range(store.HEALTH_SHARDS):
            shard = (first + offset) % store.HEALTH_SHARDS
            cursor: Key | None = None
            while True:
                now = to_seconds_text(self._clock.now())
                page = presence_store.read_due(self._tables, str(shard), now, cursor, SWEEP_PAGE)
                node_ids = [str(item["id"]) for item in page.items]
                yield from presence_store.read_presences(self._tables, node_ids).values()
                cursor = page.last_key
                if cursor is None:
                    break

    def _look_at(self, presence: Presence) -> _Found:
        """Check one node, and store the result."""
        now = self._clock.now()
        text = to_seconds_text(now)
        due = self._limits.due_after(parse_time(presence.last_seen_at), connected=presence.is_connected)
        if presence.health_due is None or presence.health_due > text:
            return _Found.OVERTAKEN
        if due > text:
            return self._put_off(presence, due, _Found.HEARD)
        writes = [
            store.set_unreachable(presence.id, presence.last_seen_at, text),
            presence_store.note_silent(presence),
        ]
        try:
            self._tables.commit(writes, "node.became_unreachable")
        except TransactionFailedError as error:
            if error.failed.get(_NODE_INDEX, presence) is not None:
                return _Found.OVERTAKEN  # seen, or marked as silent by another sweep meanwhile
            return self._put_off(presence, to_seconds_text(now + CLEAN_UP_PATIENCE), _Found.DELETED)
        return _Found.SILENT

    def _put_off(self, presence: Presence, due: str, found: _Found) -> _Found:
        """Postpone the check; returns `found`, unless another sweep was faster."""
        is_ours = self._tables.try_write(presence_store.postpone(presence, due), "presence.looked_at")
        return found if is_ours else _Found.OVERTAKEN

    def _take_back(self, agent: Agent) -> None:
        self._change(agent, rules.status_when_heard(agent.node), "node.became_healthy")

    def _take_back_now(self, agent: Agent) -> None:
        """Retry after a sweep that was faster than this call: its write must be read first."""
        node, presence = presence_store.read_both(self._tables, agent.node.id)
        if node is None or presence is None or node.token_digest != agent.node.token_digest:
            return
        if node.status is Status.UNREACHABLE:
            self._take_back(Agent(node, presence, agent.instance_id))

    def _change(self, agent: Agent, status: Status, operation: str, changes_repaid_at_ms: int | None = None) -> bool:
        """Write status and presence together; False if either has changed since it was read."""
        now = self._clock.now()
        text = to_seconds_text(now)
        due = self._limits.due_after(now, connected=agent.presence.is_connected)
        writes = [
            store.set_status(agent.node, status, text),
            presence_store.note_back(agent, text, due, changes_repaid_at_ms),
        ]
        return is_committed(self._tables, writes, operation)

    def _again(self, agent: Agent) -> Agent:
        node, presence = presence_store.read_both(self._tables, agent.node.id)
        if node is None or presence is None or node.token_digest != agent.node.token_digest:
            raise not_found()
        return Agent(node, presence, agent.instance_id)

    def _view(self, agent: Agent, status: Status | None = None) -> NodeView:
        """The node after a sign of life now."""
        seen = to_seconds_text(self._clock.now())
        node = agent.node.model_copy(update={"status": status or agent.node.status})
        return NodeView(node, agent.presence.model_copy(update={"last_seen_at": seen}))
