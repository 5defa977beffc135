"""Being heard of, and not being heard of."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from chalicelib.fleet.nodes import instances, presence_store, rules, store
from chalicelib.fleet.nodes.identity import Identity
from chalicelib.fleet.nodes.model import Agent, NodeView, Presence, Status
from chalicelib.fleet.nodes.rules import HealthLimits
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.errors import not_found, unavailable
from chalicelib.kit.tables import ConditionFailedError, Key, Tables, TransactionFailedError

SWEEP_PAGE = 100
"""Nodes looked at together: one BatchGet of their presence."""

CLEAN_UP_PATIENCE = timedelta(minutes=15)
"""When to look again at the presence of a deleted node, which its clean-up removes."""

_NODE_PLACE = 0
"""Where the node's own write stands in the transaction that finds it silent."""


@dataclass(frozen=True)
class HealthSweep:
    """What a sweep did. ``finished`` is False when its time ran out; the next one goes on."""

    moved: int = 0
    unreachable: int = 0
    finished: bool = True


class _Found(Enum):
    """What a look at a node that was due has shown."""

    HEARD = auto()
    SILENT = auto()
    DELETED = auto()
    OVERTAKEN = auto()


class Health:
    """Writes down when nodes are heard, and finds those that are not."""

    def __init__(self, tables: Tables, clock: Clock, limits: HealthLimits, identity: Identity) -> None:
        self._tables = tables
        self._clock = clock
        self._limits = limits
        self._identity = identity

    def touch(self, agent: Agent) -> Agent:
        """The agent was heard: note it if the last note is old, and take it back if it counted as unreachable. Returns
        it, and if this call shows that there are two, with that noted.

        Makes no call when there is nothing to note. A node that is deleted or re-registered meanwhile is left alone.
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

    def report(self, agent: Agent, status: Status) -> NodeView:
        """What the agent says about itself becomes its status, unless there are two that say so. `touch` has been
        called for this request.

        Raises not_found if the node is deleted meanwhile, rate_limited where it changes too often, service_unavailable
        if others keep writing it.
        """
        for _ in self._tables.tries():
            if agent.node.status is status or agent.node.identity_conflict_at is not None:
                return self._view(agent)
            repaid = rules.repaid_after_change(agent.presence, self._clock.now())
            if self._change(agent, status, "node.health_reported", repaid):
                return self._view(agent, status=status)
            agent = self._again(agent)
        raise unavailable()

    def sweep(self, budget_seconds: float) -> HealthSweep:
        """Look at every node whose silence is due: one that was heard is due later, the others are unreachable.

        Costs what is due, whatever the size of the fleet. Several at once, or one again, do no harm.
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
        """The presence of every node whose silence is due, page by page. Each minute begins at another shard: should
        time not do for all, none is always the last."""
        first = int(self._clock.now().timestamp()) // 60
        for place in range(store.HEALTH_SHARDS):
            shard = (first + place) % store.HEALTH_SHARDS
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
        """See how it is with one node, and write that down."""
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
            if error.failed.get(_NODE_PLACE, presence) is not None:
                return _Found.OVERTAKEN  # heard, or found silent by another meanwhile
            return self._put_off(presence, to_seconds_text(now + CLEAN_UP_PATIENCE), _Found.DELETED)
        return _Found.SILENT

    def _put_off(self, presence: Presence, due: str, found: _Found) -> _Found:
        """Look at it again later; `found`, unless somebody was faster."""
        is_ours = self._tables.try_write(presence_store.postpone(presence, due), "presence.looked_at")
        return found if is_ours else _Found.OVERTAKEN

    def _take_back(self, agent: Agent) -> None:
        self._change(agent, rules.status_when_heard(agent.node), "node.became_healthy")

    def _take_back_now(self, agent: Agent) -> None:
        """The sweep was faster than the note: what it wrote has to be read first."""
        node, presence = presence_store.read_both(self._tables, agent.node.id)
        if node is None or presence is None or node.token_digest != agent.node.token_digest:
            return
        if node.status is Status.UNREACHABLE:
            self._take_back(Agent(node, presence, agent.instance_id))

    def _change(self, agent: Agent, status: Status, operation: str, changes_repaid_at_ms: int | None = None) -> bool:
        """Write status and presence together; False if either is not as it was read."""
        now = self._clock.now()
        text = to_seconds_text(now)
        due = self._limits.due_after(now, connected=agent.presence.is_connected)
        writes = [
            store.set_status(agent.node, status, text),
            presence_store.note_back(agent, text, due, changes_repaid_at_ms),
        ]
        try:
            self._tables.commit(writes, operation)
        except TransactionFailedError:
            return False
        return True

    def _again(self, agent: Agent) -> Agent:
        node, presence = presence_store.read_both(self._tables, agent.node.id)
        if node is None or presence is None or node.token_digest != agent.node.token_digest:
            raise not_found()
        return Agent(node, presence, agent.instance_id)

    def _view(self, agent: Agent, status: Status | None = None) -> NodeView:
        """The node as it is after the agent was heard now."""
        seen = to_seconds_text(self._clock.now())
        node = agent.node.model_copy(update={"status": status or agent.node.status})
        return NodeView(node, agent.presence.model_copy(update={"last_seen_at": seen}))
