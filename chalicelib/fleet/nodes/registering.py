"""Enrols and re-registers machines. Every step may be repeated, also concurrently."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.clusters.store import release_slot, reserve_slot
from chalicelib.fleet.description import FACTS
from chalicelib.fleet.enrollment.rules import unusable_token
from chalicelib.fleet.enrollment.service import Enrollment
from chalicelib.fleet.nodes import exclusion_store, instances, moving, presence_store, rules, store, term_store, terms
from chalicelib.fleet.nodes.identity import Identity, instances_of
from chalicelib.fleet.nodes.instances import Sighting
from chalicelib.fleet.nodes.known import Known
from chalicelib.fleet.nodes.membership import Joined, Membership
from chalicelib.fleet.nodes.model import (
    Node,
    NodeSecrets,
    Presence,
    Registered,
    Registration,
    Status,
)
from chalicelib.fleet.nodes.placing import Release
from chalicelib.fleet.nodes.proving import Presented, Proving
from chalicelib.fleet.nodes.rules import BearerProof, HealthLimits, Placement
from chalicelib.fleet.nodes.secrets import (
    Vault,
    digest_of,
    new_secrets,
)
from chalicelib.fleet.vpn.port import Vpn
from chalicelib.fleet.vpn.registry import REGISTRY
from chalicelib.kit.backoff import Backoff
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import rate_limited, unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Tables, TransactionFailedError, Write

PATIENCE_SECONDS = 15.0
"""How long a commit is retried if the cluster's row is contended."""

RACE_SECONDS = 5.0
"""How long an enrolment is restarted after a lost race, including requests to a mesh (10 s at worst). The last commit
may take `PATIENCE_SECONDS`: together less than the function's 28 s."""

_LONGEST_PAUSE_SECONDS = 0.2
"""The pause between two attempts after a lost race."""


class Registrar:
    """Registers nodes. ``trusts_hosts``: being a host of the mesh is sufficient proof of a node's identity. ``tables``
    should retry conflicts for `PATIENCE_SECONDS`: a fleet enrols at once."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        vault: Vault,
        clusters: Clusters,
        enrollment: Enrollment,
        limits: HealthLimits,
        release: Release,
        vpn: Vpn = REGISTRY,
        *,
        trusts_hosts: bool = False,
    ) -> None:
        self._trusts_hosts = trusts_hosts
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._vault = vault
        self._clusters = clusters
        self._limits = limits
        self._release = release
        self._proving = Proving(tables, enrollment, Identity(tables, clock, limits))
        self._membership = Membership(vpn, clusters) if vpn.is_mesh else None

    def register(
        self,
        registration: Registration,
        registration_token: str | None,
        bearer: str | None,
        instance_id: str | None = None,
        address: str = "",
        recovery_key: str | None = None,
    ) -> Registered:
        """Enrol or re-register a node, with fresh secrets, in one transaction.

        A new node needs a registration token; `rules.place_known` says what a known node needs. A repeat after a lost
        answer succeeds; that of the same process gets the same secrets. Where there is a mesh, a new node is a host of
        its network (`Membership`), and one that comes back may call from its ``address`` there instead of a proof. A
        ``recovery_key`` stands in for a lost token. Raises `EdgeError` (forbidden) for a blocked machine, (conflict) if
        another machine has taken over its identity and for a late copy of a request, (validation failed) without a
        proof, for a network that is not the token's, or a cluster that is gone or full, (rate limited) for a machine
        that registers too often or may be an ended process, (service unavailable) if the row stays contended or the
        mesh does not answer.
        """
        rules.check_network_name(registration)
        backoff = Backoff(
            self._clock,
            self._ids,
            first_seconds=_LONGEST_PAUSE_SECONDS,
            longest_seconds=_LONGEST_PAUSE_SECONDS,
            patience=timedelta(seconds=RACE_SECONDS),
        )
        presented = Presented(registration_token, bearer, recovery_key)
        joined = self._membership.of(registration) if self._membership is not None else None
        while True:
            known = self._proving.look_up(registration.node_id, presented)
            if not presented.registration_token and rules.is_repeat(known.presence, instance_id, known.proof):
                return self._answer_again(known)
            self._require_certainty(known, instance_id)
            placement = self._admit(joined, known, address) if joined else self._placement_by_token(registration, known)
            secrets = new_secrets(registration.node_id, self._ids)
            sighting = instances.look_at(known.presence, instance_id, self._clock.now())
            node = self._compose(registration, known, placement, secrets, joined.host_id if joined else None)
            if sighting.is_conflict and node.identity_conflict_at is None:
                node = node.model_copy(
                    update={
                        "identity_conflict_at": node.updated_at,
                        "identity_conflict_instances": instances_of(known.presence, instance_id),
                        "status": Status.UNHEALTHY,
                    }
                )
            writes = self._writes(known, node, sighting)
            try:
                self._tables.commit(writes, "node.registered" if known.node is None else "node.reregistered")
            except TransactionFailedError as error:
                if known.redemption is not None and writes.index(known.redemption.check) in error.failed:
                    _require_bearer(known)
                    presented = replace(presented, registration_token=None)
                self._check_cluster(known, node)
                if not backoff.pause():
                    raise unavailable() from None
                continue
            return Registered(node, secrets)

    def _require_certainty(self, known: Known, instance_id: str | None) -> None:
        """Raises `EdgeError` (rate limited) while this may be the late request of a process that has ended."""
        if known.node is not None:
            now = self._clock.now()
            wait_seconds = rules.seconds_in_doubt(known.node, known.presence, instance_id, known.proof, now)
            if wait_seconds:
                raise rate_limited(wait_seconds)

    def _answer_again(self, known: Known) -> Registered:
        """The answer that this process was given already. Raises `EdgeError` (conflict) if it works with that by now:
        its request was sent twice, and the first copy is late."""
        node = known.node
        if node is None or not rules.was_answer_lost(node, known.presence):
            raise rules.late_repeat()
        return Registered(node, self._vault.open(node))

    def _placement_by_token(self, registration: Registration, known: Known) -> Placement:
        if known.refusal is not None and known.proof is BearerProof.NONE:
            raise known.refusal
        if known.node is None:
            return rules.place_new(registration, known.redemption)
        return rules.place_known(registration, known.node, known.presence, known.proof, known.redemption)

    def _admit(self, joined: Joined, known: Known, address: str) -> Placement:
        """The placement of a host: in the cluster of its network, if it is a new node or proves its identity. A new
        node's proof is that it could join. A known node shows a token, calls from its address in the mesh, or has never
        used its token. Raises `EdgeError` (validation failed)."""
        if known.node is None:
            if known.redemption is None and known.is_removed:
                raise rules.removed_machine()
            return joined.placement
        is_itself = known.proof is not BearerProof.NONE or (address != "" and address == joined.address)
        if not is_itself and not self._trusts_hosts and not rules.was_answer_lost(known.node, known.presence):
            raise rules.already_registered()
        return joined.placement

    def _compose(
        self,
        registration: Registration,
        known: Known,
        placement: Placement,
        secrets: NodeSecrets,
        host_id: str | None,
    ) -> Node:
        old, now = known.node, self._clock.now()
        text = to_seconds_text(now)
        previous_digest, previous_until = rules.kept_previous_token(old, known.proof, now)
        recovery_key_digest, is_recovery_key_used = rules.kept_recovery_key(old, placement, known.proof)
        said = registration.model_dump(exclude={"node_id", "network_name"})
        if old is not None and registration.tells_nothing:
            said |= {name: getattr(old, name) for name in FACTS}
        node = Node(
            id=registration.node_id,
            **said,
            cluster_id=placement.id,
            cluster_name=placement.name,
            status=Status.HEALTHY if old is None else rules.status_when_heard(old),
            netmaker_host_id=host_id or (None if old is None else old.netmaker_host_id),
            enrollment_key_id=_key_id(known),
            token_digest=digest_of(secrets),
            previous_token_digest=previous_digest,
            previous_token_until=previous_until,
            **self._vault.seal(registration.node_id, secrets),
            replaced_connection_id=None if known.presence is None else known.presence.connection_id,
            identity_conflict_at=None if old is None else old.identity_conflict_at,
            identity_conflict_instances=() if old is None else old.identity_conflict_instances,
            recovery_key_digest=recovery_key_digest,
            recovery_key_used=is_recovery_key_used,
            forked_token_digest=None if old is None else rules.forked_token(old, known.presence, known.proof),
            aliases=() if old is None or old.cluster_id != placement.id else old.aliases,
            operator_labels={} if old is None else old.operator_labels,
            key_labels=_key_labels(known),
            placed_at=rules.placed_at(old, placement, now),
            last_seen_at=text,
            inserted_at=text if old is None else old.inserted_at,
            updated_at=text,
        )
        return terms.marked(node)

    def _writes(self, known: Known, node: Node, sighting: Sighting) -> list[Write]:
        old = known.node
        due = self._limits.due_after(self._clock.now(), connected=False)
        presence = Presence(
            id=node.id,
            last_seen_at=node.last_seen_at,
            health_due=due,
            instance_id=sighting.instance_id,
            former_instances=sighting.former,
            changes_repaid_at_ms=rules.repaid_after_change(known.presence, self._clock.now()),
        )
        writes: list[Write] = [
            store.insert(node) if old is None else store.replace(old, node),
            presence_store.start(presence, known.presence),
            *term_store.changed(old, node),
        ]
        if old is None or old.cluster_id != node.cluster_id:
            writes.append(reserve_slot(Placement(node.cluster_id, node.cluster_name)))
        if old is not None and old.cluster_id != node.cluster_id:
            writes.append(release_slot(old.cluster_name, old.cluster_id))
            writes.append(moving.ask(old, node))
            writes.extend(self._release(old))
        if old is None:
            writes.append(exclusion_store.unchanged(node.id, known.exclusion))
        if known.redemption is not None:
            writes += [known.redemption.write, known.redemption.check]
        return writes

    def _check_cluster(self, known: Known, node: Node) -> None:
        """Raise the reason why the cluster accepts no further node, if that check failed."""
        if known.node is not None and known.node.cluster_id == node.cluster_id:
            return
        cluster = self._clusters.find(node.cluster_name)
        if cluster is None or cluster.id != node.cluster_id:
            raise rules.unknown_network()
        if cluster.node_limit is not None and cluster.node_count >= cluster.node_limit:
            raise rules.full_network(cluster.node_limit)


def _require_bearer(known: Known) -> None:
    """A registration token ends with its enrollment key. Raises `EdgeError` (validation failed) if nothing else proves
    who this is."""
    if known.proof is BearerProof.NONE:
        raise unusable_token()


def _key_id(known: Known) -> str | None:
    """The key behind the newest registration token; a return without one changes nothing."""
    if known.redemption is not None:
        return known.redemption.key_id
    return None if known.node is None else known.node.enrollment_key_id


def _key_labels(known: Known) -> Mapping[str, str]:
    """The labels of the key behind the newest registration token."""
    if known.redemption is not None:
        return known.redemption.labels
    return {} if known.node is None else known.node.key_labels
