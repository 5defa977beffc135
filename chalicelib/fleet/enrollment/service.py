"""Use cases of enrolment: operators create keys, machines exchange them for membership in a cluster."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.fleet.clusters import store as clusters_store
from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.enrollment.blob import SECRET_BYTES, to_blob
from chalicelib.fleet.enrollment.model import (
    KEY_KEPT,
    EnrollmentKey,
    KeyChanges,
    Machines,
    Outcome,
    Redemption,
    Verification,
)
from chalicelib.fleet.enrollment.rules import decide, unusable_token
from chalicelib.fleet.enrollment.store import (
    TABLE,
    EnrollmentStore,
    is_expired,
    key_from_item,
    still_there,
)
from chalicelib.fleet.enrollment.verifying import Verifying
from chalicelib.fleet.reach import EVERYWHERE, Reach, reached
from chalicelib.fleet.vpn.port import Vpn
from chalicelib.fleet.vpn.registry import REGISTRY
from chalicelib.kit.backoff import Backoff
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import Sealer, Secret, associated_data, digest
from chalicelib.kit.errors import forbidden, not_found, unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.tables import ConditionFailedError, Tables, TransactionFailedError, Write
from chalicelib.platform.events.service import Events

VERIFY_PATIENCE = timedelta(seconds=20)
"""How long a verification is retried while the key's row is contended. The last try may take 5 s (`Tables`), together
less than the 29 s that API Gateway waits."""

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5


class Enrollment:
    """Makes, changes, lists and verifies enrollment keys, and redeems the tokens that verifying gives.

    ``admin_urls`` are the addresses that new keys carry. ``public_keys`` lets anybody draw a single-use key for the
    default cluster, good for ``public_keys_last_seconds``.
    """

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        *,
        clusters: Clusters,
        events: Events,
        sealer: Sealer,
        admin_urls: Sequence[str],
        public_keys: bool,
        lists: Lists,
        machines: Machines,
        public_keys_last_seconds: int = 86_400,
        vpn: Vpn = REGISTRY,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._clusters = clusters
        self._sealer = sealer
        self._admin_urls = admin_urls
        self._public_keys = public_keys
        self._public_keys_last_seconds = public_keys_last_seconds
        self._lists = ReachedLists(lists, clusters.within)
        self._store = EnrollmentStore(tables, self._cluster_ids, machines)
        self._verifying = Verifying(tables, clock, ids, store=self._store, clusters=clusters, events=events, vpn=vpn)

    # -- operators -----------------------------------------------------------------------------------------------

    def create(
        self,
        cluster_name: str,
        wanted: KeyChanges,
        *,
        reach: Reach,
        key_id: str | None = None,
        removed_at: datetime | None = None,
    ) -> EnrollmentKey:
        """Create a key for a cluster; single-use and without expiry by default. ``key_id`` is one that the caller has
        derived: a repeat with it returns the key that exists. ``removed_at`` is when its row goes by itself. Raises
        `EdgeError` (not found)."""
        cluster = self._clusters.get(cluster_name, reach=reach)
        return self._create(cluster, wanted, key_id=key_id, removed_at=removed_at)

    def create_for_default(self, wanted: KeyChanges, *, reach: Reach) -> EnrollmentKey:
        """Create a key for the default cluster. Raises `EdgeError` (forbidden) if none is configured, (not found)."""
        return self._create(self._clusters.default_cluster(reach=reach), wanted)

    def create_public(self) -> EnrollmentKey:
        """A nameless single-use key for the default cluster, which anybody may draw; it expires and is then removed.
        Raises `EdgeError` (forbidden) unless that is switched on and a default cluster is configured, (not found)."""
        if not self._public_keys:
            raise forbidden()
        expires = self._clock.now() + timedelta(seconds=self._public_keys_last_seconds)
        wanted: KeyChanges = {"expired_at": to_seconds_text(expires)}
        cluster = self._clusters.default_cluster(reach=EVERYWHERE)
        return self._create(cluster, wanted, removed_at=expires + KEY_KEPT)

    def get(self, key_id: str, *, reach: Reach) -> EnrollmentKey:
        """Raises `EdgeError` (not found)."""
        return reached(self._store.find(key_id), reach)

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[EnrollmentKey]:
        """One page of all keys; raises `EdgeError` (bad request) when the filters leave too much to read."""
        return self._lists.page(self._store.listing, request, reach).map(key_from_item)

    def reveal(self, key: EnrollmentKey) -> Secret:
        """The blob to hand to machines."""
        return self._sealer.open(key.key_sealed, _associated_data_of_blob(key.id))

    def change(self, key_id: str, changes: KeyChanges, *, reach: Reach) -> EnrollmentKey:
        """Change the given fields of a key. Raises `EdgeError` (not found)."""
        key = self.get(key_id, reach=reach)
        if not changes:
            return key
        try:
            return self._store.change(key, _without_blank_name(changes), to_seconds_text(self._clock.now()))
        except ConditionFailedError as error:
            raise not_found() from error

    def delete(self, key_id: str, *, reach: Reach) -> None:
        """Delete a key. From now on neither the key nor its tokens admit a machine. Raises `EdgeError` (not found)."""
        self._store.delete(self.get(key_id, reach=reach))

    def clean_up_chunk(self, cluster_id: str, cursor: str | None) -> str | None:
        """Remove up to 100 keys of a deleted cluster. Returns where to go on, None at the end; safe to repeat."""
        return self._store.delete_of_cluster(cluster_id, cursor)

    # -- machines ------------------------------------------------------------------------------------------------

    def verify(self, blob: str, node_id: str | None) -> Verification:
        """Exchange a use of a key for a registration token or, with a mesh, for a key to join it. A refusal is a
        result, not an exception. A machine that gives its id and asks again within `USE_REMEMBERED`, or before its node
        has used its token, gets a fresh token without a second use. Capacity in the cluster is checked at registration,
        not here. Every call publishes one event. Raises `EdgeError` (service unavailable) if the key stays contended
        for `VERIFY_PATIENCE` or the mesh does not answer: then no use is counted.
        """
        backoff = Backoff(
            self._clock,
            self._ids,
            first_seconds=_FIRST_PAUSE_SECONDS,
            longest_seconds=_LONGEST_PAUSE_SECONDS,
            patience=VERIFY_PATIENCE,
        )
        while True:
            answer = self._verifying.attempt(blob, node_id)
            if answer is not None:
                return answer
            if not backoff.pause():
                raise unavailable()

    def look_at(self, blob: str) -> Outcome:
        """The outcome that `verify` would have for a machine that has not used this key. Counts no use and writes
        nothing."""
        now = self._clock.now()
        presented = self._verifying.presented(blob, None, now)
        cluster = None if presented.key is None else self._clusters.find(presented.key.cluster_name)
        return decide(presented.key, cluster, now, presented.standing, use_noted=False)

    def redeem_token(self, token: str, node_id: str) -> Redemption:
        """The cluster of a registration token, and the writes that bind the token to this node.

        The same node may redeem it again until it expires. Raises `EdgeError` (validation failed) for an unknown or
        expired token, or one of another node.
        """
        now = self._clock.now()
        row = self._store.find_token(digest(token))
        if (
            row is None
            or is_expired(row.expires_at, now)
            or row.verified_for not in {None, node_id}
            or row.node_id not in {None, node_id}
        ):
            raise unusable_token()
        return Redemption(
            key_id=row.key_id,
            cluster_id=row.cluster_id,
            cluster_name=row.cluster_name,
            labels=row.labels,
            already_bound=row.node_id is not None,
            write=self._store.bind_token(row, node_id, now),
            check=still_there(row.key_id),
        )

    # -- inside --------------------------------------------------------------------------------------------------

    def _cluster_ids(self, names: tuple[str, ...]) -> list[str]:
        return [cluster.id for cluster in self._clusters.find_many(names)]

    def _create(
        self,
        cluster: Cluster,
        wanted: KeyChanges,
        *,
        removed_at: datetime | None = None,
        key_id: str | None = None,
    ) -> EnrollmentKey:
        now = self._clock.now()
        key_id = key_id or self._ids.uuid7(now)
        blob = to_blob(self._admin_urls, key_id, self._ids.token_bytes(SECRET_BYTES))
        key = EnrollmentKey(
            id=key_id,
            cluster_id=cluster.id,
            cluster_name=cluster.name,
            name=wanted.get("name") or None,
            labels=wanted.get("labels", {}),
            uses_remaining=wanted.get("uses_remaining", 1),
            expired_at=wanted.get("expired_at"),
            inserted_at=to_seconds_text(now),
            updated_at=to_seconds_text(now),
            version=1,
            key_digest=digest(blob),
            key_sealed=self._sealer.seal(blob, _associated_data_of_blob(key_id)),
        )
        try:
            writes: list[Write] = [clusters_store.still_there(cluster), self._store.put(key, removed_at)]
            self._tables.commit(writes, "enrollment_key.created", result=key)
        except TransactionFailedError as error:
            made = error.failed.get(1)
            if made is None:
                raise not_found() from error
            return key_from_item(made)
        return key


def _associated_data_of_blob(key_id: str) -> str:
    return associated_data(TABLE, key_id, "key")


def _without_blank_name(changes: KeyChanges) -> KeyChanges:
    return {**changes, "name": changes["name"] or None} if "name" in changes else changes
