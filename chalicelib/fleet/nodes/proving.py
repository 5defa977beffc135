"""`Proving`: what is known of a machine that registers, and what it proves."""

from dataclasses import dataclass, field, replace

from chalicelib.fleet.enrollment.model import Redemption
from chalicelib.fleet.enrollment.service import Enrollment
from chalicelib.fleet.nodes import presence_store, rules
from chalicelib.fleet.nodes.identity import Identity, conflicting, is_of_the_other
from chalicelib.fleet.nodes.known import Known
from chalicelib.fleet.nodes.model import Agent, Node, Presence
from chalicelib.fleet.nodes.rules import BearerProof
from chalicelib.fleet.nodes.secrets import is_recovery_key_of, is_token_of
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Tables


@dataclass(frozen=True)
class Presented:
    """The proofs that a machine presents, unchecked; None for each that it does not."""

    registration_token: str | None = field(repr=False)
    bearer: str | None = field(repr=False)
    recovery_key: str | None = field(default=None, repr=False)


class Proving:
    """Reads a node and decides what a machine proves of it."""

    def __init__(self, tables: Tables, enrollment: Enrollment, identity: Identity) -> None:
        self._tables = tables
        self._enrollment = enrollment
        self._identity = identity

    def look_up(self, node_id: str, presented: Presented) -> Known:
        """Raises `EdgeError` (forbidden) for a blocked machine, (validation failed) for one that was deleted since its
        registration token's key was made, or that has none. One that is both and has none hears of the deletion, as
        its calls do: it has no more work or users.
        """
        node, presence, exclusion = presence_store.read_known(self._tables, node_id)
        if exclusion is not None and exclusion.blocked_at is not None:
            is_gone = node is None and exclusion.removed_at_ms is not None
            raise rules.removed_machine() if is_gone and not presented.registration_token else rules.blocked_machine()
        if node is not None and presence is not None and presented.bearer and is_of_the_other(node, presented.bearer):
            self._identity.note_conflict(Agent(node, presence))
            raise conflicting()
        proof = BearerProof.NONE if node is None else self._proof(node, presence, presented)
        redemption, refusal = self._redeem(presented.registration_token, node_id)
        if exclusion is not None and redemption is not None and exclusion.refuses(redemption.key_id):
            redemption, refusal = None, rules.removed_machine()
        known = Known(node, presence, exclusion, redemption, refusal, proof)
        if known.is_removed and not presented.registration_token:
            return replace(known, refusal=rules.removed_machine())
        return known

    def _redeem(self, registration_token: str | None, node_id: str) -> tuple[Redemption | None, EdgeError | None]:
        """The proof that the token gives, or the reason why it gives none."""
        if not registration_token:
            return None, None
        try:
            return self._enrollment.redeem_token(registration_token, node_id), None
        except EdgeError as error:
            if error.kind is not Kind.VALIDATION_FAILED:
                raise
            return None, error

    def _proof(self, node: Node, presence: Presence | None, presented: Presented) -> BearerProof:
        bearer, key = presented.bearer, presented.recovery_key
        if bearer and is_token_of(node, bearer):
            return BearerProof.CURRENT
        if bearer and self._identity.is_previous(node, presence, bearer):
            return BearerProof.PREVIOUS
        if key and is_recovery_key_of(node, key) and rules.takes_recovery_key(node, presence):
            return BearerProof.RECOVERY
        return BearerProof.NONE
