"""Authenticates agents, and detects two machines with one identity."""

from contextlib import suppress

from chalicelib.fleet.nodes import exclusion_store, presence_store, rules, shut_out_store
from chalicelib.fleet.nodes.model import Agent, Code, Node, Presence, Status
from chalicelib.fleet.nodes.rules import HealthLimits
from chalicelib.fleet.nodes.secrets import is_previous_token_of, is_token_of
from chalicelib.fleet.nodes.tokens import node_id_of
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import digest, same
from chalicelib.kit.errors import EdgeError, Kind, unauthorized
from chalicelib.kit.tables import Tables, TransactionFailedError


class Identity:
    """Authenticates agents by their tokens, and records identity conflicts."""

    def __init__(self, tables: Tables, clock: Clock, limits: HealthLimits) -> None:
        self._tables = tables
        self._clock = clock
        self._limits = limits

    def authenticate(self, bearer: str | None, instance_id: str | None = None, *, leaves: bool = False) -> Agent:
        """The agent whose current token this is, by one consistent read of what the token itself names. One that
        ``leaves`` may show the previous token as long as that can register.

        Raises `EdgeError` (forbidden) if an operator has blocked the node, (unauthorized) in any other case: no token,
        one that was replaced, one of a node that is gone. A refusal takes a second read, which tells whether the node
        was deleted.
        """
        node_id = node_id_of(bearer or "")
        if bearer is None or node_id is None:
            raise unauthorized()
        node, presence = presence_store.read_both(self._tables, node_id)
        is_known = is_token_of(node, bearer) or (leaves and self.is_previous(node, presence, bearer))
        if not is_known or node is None or presence is None:
            # Read even if there is no such node, so that the time of a refusal reveals nothing.
            is_removed = exclusion_store.is_removed(self._tables, node_id)
            if node is not None and presence is not None and is_of_the_other(node, bearer):
                self.note_conflict(Agent(node, presence))
                raise conflicting(Kind.UNAUTHORIZED)
            raise rules.removed_token() if is_removed and node is None else unauthorized()
        if node.blocked_at is not None:
            raise rules.blocked_machine()
        return Agent(node, presence, instance_id)

    def is_previous(self, node: Node | None, presence: Presence | None, bearer: str) -> bool:
        """Whether this is the node's previous token, and still counts."""
        if node is None or not is_previous_token_of(node, bearer):
            return False
        return rules.is_previous_token_valid(node, presence, self._clock.now())

    def note_conflict(self, agent: Agent) -> Agent:
        """Record that two machines use the identity of this node: from now on neither gets work, and its socket is
        closed. Returns the updated agent. A concurrent call records the same."""
        node, presence = agent.node, agent.presence
        if node.identity_conflict_at is not None:
            return agent
        now = self._clock.now()
        text = to_seconds_text(now)
        instances = instances_of(presence, agent.instance_id)
        due = self._limits.due_after(now, connected=False)
        writes = [
            shut_out_store.note_conflict(node, presence, instances, text),
            presence_store.end_socket(presence, text, due),
        ]
        # If it fails, the call is refused anyway, and the next call of either machine detects the conflict again.
        with suppress(TransactionFailedError):
            self._tables.commit(writes, "node.identity_conflict")
        changes = {"identity_conflict_at": text, "identity_conflict_instances": instances, "status": Status.UNHEALTHY}
        seen = {"connection_id": None, "last_seen_at": text, "health_due": due}
        return Agent(node.model_copy(update=changes), presence.model_copy(update=seen), agent.instance_id)


def require_sole(agent: Agent) -> None:
    """Raises `EdgeError` (conflict) if two machines use this agent's identity: then neither gets work."""
    if agent.node.identity_conflict_at is not None:
        raise conflicting()


def is_of_the_other(node: Node, bearer: str) -> bool:
    """Whether this token was in use when another machine replaced it by an older one."""
    return node.forked_token_digest is not None and same(digest(bearer), node.forked_token_digest)


def instances_of(presence: Presence | None, instance_id: str | None) -> tuple[str, ...]:
    """The instance ids of the two concurrent processes, as far as they are known; the most recently seen last."""
    known = None if presence is None else presence.instance_id
    return tuple(one for one in (known, instance_id) if one is not None)


def conflicting(kind: Kind = Kind.CONFLICT) -> EdgeError:
    """The refusal for work requests of two machines with one identity."""
    return EdgeError(kind, "Two machines use this node's identity", code=Code.IDENTITY_CONFLICT)
