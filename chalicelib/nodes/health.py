"""Being heard of, and not being heard of."""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.errors import not_found, unavailable
from chalicelib.kit.tables import ConditionFailedError, Key, Tables, TransactionFailedError, Update
from chalicelib.nodes import presence_store, rules, store
from chalicelib.nodes.model import Agent, NodeView, Presence, Status
from chalicelib.nodes.rules import HealthLimits

SWEEP_PAGE = 100
"""Nodes looked at together: one BatchGet of their presence."""

_TRIES = 5


@dataclass(frozen=True)
class HealthSweep:
    """What a sweep did. ``finished`` is False when its time ran out; the next one goes on."""

    moved: int = 0
    unreachable: int = 0
    finished: bool = True


class Health:
    """Writes down when nodes are heard, and finds those that are not."""

    def __init__(self, tables: Tables, clock: Clock, limits: HealthLimits) -> None:
        self._tables = tables
        self._clock = clock
        self._limits = limits

    def touch(self, agent: Agent) -> None:
        """The agent was heard: note it if the last note is old, and take it back if it counted as unreachable.

        Makes no call when there is nothing to note. A node that is deleted or re-registered meanwhile is left alone.
        """
        now = self._clock.now()
        if not rules.is_touch_due(agent.node, agent.presence, self._limits, now):
            return
        if agent.node.status is Status.UNREACHABLE:
            self._take_back(agent)
            return
        try:
            self._tables.write(presence_store.note_seen(agent, to_seconds_text(now)), "presence.seen")
        except ConditionFailedError as error:
            if error.current is not None and "health_due" not in error.current:
                self._take_back_now(agent)

    def report(self, agent: Agent, status: Status) -> NodeView:
        """What the agent says about itself becomes its status. `touch` has been called for this request.

        Raises not_found if the node is deleted meanwhile, service_unavailable if others keep writing it.
        """
        for _ in range(_TRIES):
            if agent.node.status is status:
                return self._view(agent)
            if self._change(agent, status, "node.health_reported"):
                return self._view(agent, status=status)
            agent = self._again(agent)
        raise unavailable()

    def sweep(self, budget_seconds: float) -> HealthSweep:
        """Look at every node whose silence is due: one that was heard is due later, the others are unreachable.

        Costs what is due, whatever the size of the fleet. Several at once, or one again, do no harm.
        """
        give_up = self._clock.now() + timedelta(seconds=budget_seconds)
        moved = unreachable = 0
        for shard in range(store.HEALTH_SHARDS):
            cursor: Key | None = None
            while True:
                if self._clock.now() > give_up:
                    return HealthSweep(moved, unreachable, finished=False)
                page = presence_store.read_due(
                    self._tables, str(shard), to_seconds_text(self._clock.now()), cursor, SWEEP_PAGE
                )
                node_ids = [str(item["id"]) for item in page.items]
                for presence in presence_store.read_presences(self._tables, node_ids).values():
                    was_moved, was_silent = self._look_at(presence)
                    moved += was_moved
                    unreachable += was_silent
                cursor = page.last_key
                if cursor is None:
                    break
        return HealthSweep(moved, unreachable)

    def _look_at(self, presence: Presence) -> tuple[bool, bool]:
        """Whether it was moved on, and whether it was found silent."""
        now = to_seconds_text(self._clock.now())
        due = self._limits.due_after(parse_time(presence.last_seen_at), connected=presence.is_connected)
        if presence.health_due is None or presence.health_due > now:
            return False, False
        if due > now:
            return self._write(presence_store.postpone(presence, due)), False
        writes = [
            store.set_unreachable(presence.id, presence.last_seen_at, now),
            presence_store.note_silent(presence),
        ]
        try:
            self._tables.commit(writes, "node.became_unreachable")
        except TransactionFailedError:
            return False, False  # heard, deleted or found silent by another meanwhile
        return False, True

    def _write(self, write: Update) -> bool:
        """Whether its condition held."""
        try:
            self._tables.write(write, "presence.looked_at")
        except ConditionFailedError:
            return False
        return True

    def _take_back(self, agent: Agent) -> None:
        self._change(agent, Status.HEALTHY, "node.became_healthy")

    def _take_back_now(self, agent: Agent) -> None:
        """The sweep was faster than the note: what it wrote has to be read first."""
        node, presence = presence_store.read_both(self._tables, agent.node.id)
        if node is None or presence is None or node.token_digest != agent.node.token_digest:
            return
        if node.status is Status.UNREACHABLE:
            self._take_back(Agent(node, presence))

    def _change(self, agent: Agent, status: Status, operation: str) -> bool:
        """Write status and presence together; False if either is not as it was read."""
        now = self._clock.now()
        text = to_seconds_text(now)
        due = self._limits.due_after(now, connected=agent.presence.is_connected)
        writes = [store.set_status(agent.node, status, text), presence_store.note_back(agent, text, due)]
        try:
            self._tables.commit(writes, operation)
        except TransactionFailedError:
            return False
        return True

    def _again(self, agent: Agent) -> Agent:
        node, presence = presence_store.read_both(self._tables, agent.node.id)
        if node is None or presence is None or node.token_digest != agent.node.token_digest:
            raise not_found()
        return Agent(node, presence)

    def _view(self, agent: Agent, status: Status | None = None) -> NodeView:
        """The node as it is after the agent was heard now."""
        seen = to_seconds_text(self._clock.now())
        node = agent.node.model_copy(update={"status": status or agent.node.status})
        return NodeView(node, agent.presence.model_copy(update={"last_seen_at": seen}))
