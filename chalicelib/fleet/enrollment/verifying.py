"""`Verifying`: one attempt to exchange a use of an enrollment key for a registration token."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.enrollment.blob import key_id_of
from chalicelib.fleet.enrollment.model import EnrollmentKey, Outcome, Verification
from chalicelib.fleet.enrollment.rules import decide, had_its_use
from chalicelib.fleet.enrollment.store import NOTHING, EnrollmentStore, Presented
from chalicelib.fleet.vpn.port import Joining, Member, Network, Vpn
from chalicelib.kit.clock import Clock, to_microseconds_text
from chalicelib.kit.crypto import digest, same
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.ids import Ids, to_unpadded_base64
from chalicelib.kit.tables import Put, Tables, TransactionFailedError, Write
from chalicelib.platform.events.service import Events

TOKEN_LIFETIME = timedelta(minutes=15)
"""How long a registration token is valid."""

USE_REMEMBERED = timedelta(days=1)
"""How long a machine that used a key and has not enrolled may verify again without a second use."""

TOKEN_BYTES = 32

_VERIFIED_EVENT = "edge.enrollment_key.verified"
_VERIFIED = "enrollment_key.verified"


class Verifying:
    """Decides on a presented key and commits a use of it, a token and the event in one transaction."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        *,
        store: EnrollmentStore,
        clusters: Clusters,
        events: Events,
        vpn: Vpn,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._store = store
        self._clusters = clusters
        self._events = events
        self._vpn = vpn

    def attempt(self, blob: str, node_id: str | None) -> Verification | None:
        """Verify a key for a machine; None if other callers changed the key meanwhile, and nothing was written. Raises
        `EdgeError` (service unavailable) if the mesh does not answer."""
        now = self._clock.now()
        presented = self.presented(blob, node_id, now)
        key = presented.key
        cluster = None if key is None else self._clusters.find(key.cluster_name)
        outcome = decide(key, cluster, now, presented.standing, use_noted=presented.use_noted)
        token = None
        if outcome is Outcome.VERIFIED and key is not None and cluster is not None and self._comes_again(presented):
            token = self._vpn.given_token(Joining(key.id, node_id))
            if token is None and node_id is not None and not self._may_register(Member(node_id, cluster.name)):
                presented = presented.as_if_new()
                outcome = decide(key, cluster, now, presented.standing, use_noted=False)
        if outcome is not Outcome.VERIFIED or key is None or cluster is None:
            known = None if outcome is Outcome.INVALID_KEY else key
            self._tables.write(self._occurrence(known, outcome, now), _VERIFIED)
            return Verification(verified=False, error=outcome.value, registration_token="", network_name="")
        comes_again = self._comes_again(presented)
        if not comes_again:
            # Before a use is taken: where the mesh does not answer, none is.
            token = self._join_token(cluster, key, node_id, now)
        token = token or to_unpadded_base64(self._ids.token_bytes(TOKEN_BYTES))
        writes: list[Write] = [self._store.put_token(digest(token), key, node_id, now + TOKEN_LIFETIME)]
        if not comes_again:
            use = self._store.take_use(key, now)
            writes.extend([use] if use else [])
            if node_id is not None:
                writes.append(self._store.note_use(key, node_id, now, USE_REMEMBERED, over=presented.noted_until))
            if key.uses_remaining is not None:
                key = key.model_copy(update={"uses_remaining": key.uses_remaining - 1})
        writes.append(self._occurrence(key, outcome, now))
        if not self._commit_alone(writes):
            return None
        return Verification(verified=True, error="", registration_token=token, network_name=cluster.network_name)

    def _join_token(self, cluster: Cluster, key: EnrollmentKey, node_id: str | None, now: datetime) -> str | None:
        """A new token of the mesh, None where there is none. Raises `EdgeError` (service unavailable), which is an
        event, if the mesh does not give one."""
        network = Network(cluster.id, cluster.name, cluster.ipv4_range)
        try:
            return self._vpn.join_token(network, Joining(key.id, node_id))
        except EdgeError as error:
            if error.kind is Kind.UNAVAILABLE:
                self._tables.write(self._occurrence(key, Outcome.VPN_KEY_UNAVAILABLE, now), _VERIFIED)
            raise

    def presented(self, blob: str, node_id: str | None, now: datetime) -> Presented:
        """The stored key that is exactly this text, and what is known of this machine."""
        key_id = key_id_of(blob)
        if key_id is None:
            return NOTHING
        found = self._store.read_for(key_id, node_id, now)
        return found if found.key is not None and same(digest(blob), found.key.key_digest) else NOTHING

    def _comes_again(self, presented: Presented) -> bool:
        """Whether this machine has taken a use of the key already."""
        key = presented.key
        return key is not None and had_its_use(key, presented.standing, use_noted=presented.use_noted)

    def _may_register(self, member: Member) -> bool:
        """Whether a machine that comes again needs no more than a token of ours: everywhere but where there is a mesh
        that it is not in, and the key that it was given to join with is used up or gone."""
        return not self._vpn.is_mesh or self._vpn.host_of(member) is not None

    def _commit_alone(self, writes: Sequence[Write]) -> bool:
        """Commit; False when others changed the key in between, or kept its row busy for as long as `Tables` waits."""
        try:
            self._tables.commit(writes, _VERIFIED)
        except TransactionFailedError:
            return False
        except EdgeError as error:
            if error.kind is not Kind.UNAVAILABLE:
                raise
            return False
        return True

    def _occurrence(self, key: EnrollmentKey | None, outcome: Outcome, now: datetime) -> Put:
        """The event of this attempt; ``key`` as it is afterwards, None when the machine presented none of ours."""
        return self._events.occurrence(
            _VERIFIED_EVENT,
            {
                "enrollment_key_id": key and key.id,
                "cluster_name": key and key.cluster_name,
                "name": key and key.name,
                "uses_remaining": key and key.uses_remaining,
                "result": outcome.event_result,
                "verified_at": to_microseconds_text(now),
            },
        )
