"""The part of the fleet that families above it may import: functions and types of ids, texts and times.

A higher family makes machines that enrol themselves (`create_key`), finds their nodes, runs commands on them and
deletes them. It learns of changes from the internal events of the fleet, through a queue of its own: `fleet.facts`
names them. Every other module of the fleet is private.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.fleet import facts
from chalicelib.fleet.commands.model import NewCommand
from chalicelib.fleet.commands.store import execution_id
from chalicelib.fleet.enrollment.model import KEY_KEPT
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.model import NodeState, RequestStatus
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.ids import derived_uuid7
from chalicelib.kit.tables import attaching

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from chalicelib.fleet.clusters.model import Cluster
    from chalicelib.fleet.enrollment.model import KeyChanges
    from chalicelib.fleet.nodes.model import Node
    from chalicelib.fleet.updates.model import NodeUpdate, SelfUpdateRequest
    from chalicelib.kit.crypto import Secret
    from chalicelib.platform.wiring import Platform

NODE_ENROLLED, NODE_DELETED, NODE_STATUS_CHANGED, NODE_CLUSTER_CHANGED = (
    facts.NODE_ENROLLED,
    facts.NODE_DELETED,
    facts.NODE_STATUS_CHANGED,
    facts.NODE_CLUSTER_CHANGED,
)
"""The types of internal events, for `Subscription.types`."""

_KEY, _COMMAND, _UPDATE = "enrollment_key", "command", "self_update_request"
"""The purposes for which ids are derived from a token."""

MOST_NODES = 100
"""The maximum of nodes that one call reads or addresses."""


@dataclass(frozen=True)
class ClusterFacts:
    """A cluster. ``id`` distinguishes it from an earlier one of the same name; ``node_limit`` None: without limit."""

    id: str
    name: str
    node_count: int
    node_limit: int | None


@dataclass(frozen=True)
class NodeFacts:
    """A node as stored now: no secret. ``status`` is `healthy`, `unhealthy` or `unreachable`; ``enrollment_key_id`` is
    the key of its latest enrolment; times are seconds text."""

    id: str
    cluster_id: str
    cluster_name: str
    status: str
    agent_version: str
    enrollment_key_id: str | None
    last_seen_at: str
    inserted_at: str


@dataclass(frozen=True)
class NewKey:
    """An enrollment key with the text that a machine enrols with. The text is a secret: pass it on, store it sealed."""

    id: str
    blob: Secret


@dataclass(frozen=True)
class Result:
    """The execution of a command on a node. ``exit_code`` and ``output`` are None until there is a result."""

    status: str
    exit_code: int | None
    output: str | None


@dataclass(frozen=True)
class HostFacts:
    """The use of a machine, as its agent told it in the last minutes. ``busy_percent`` is its load of the last minute
    by its processors, 100 at most; sizes are in bytes. None: it does not tell."""

    busy_percent: float | None
    memory_total: int | None
    memory_used: int | None


class UpdateState(StrEnum):
    """The state of a self-update of a node."""

    WAITING = "waiting"
    UPDATED = "updated"
    FAILED = "failed"


@dataclass(frozen=True)
class UpdateFacts:
    """A self-update of a node. ``version`` is what it says that it runs since, "" if it has not said; ``reason`` tells
    why the update failed."""

    state: UpdateState
    version: str = ""
    reason: str = ""


def fleet_of(platform: Platform) -> FleetAccess:
    """The fleet of this deployment."""
    return FleetAccess(platform.container(Fleet))


class FleetAccess:
    """Use of the fleet by other families, whose wiring gets it by `fleet_of`.

    Unless a method says otherwise it may be repeated, and raises `EdgeError` (unavailable) under contention.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def find_cluster(self, name: str) -> ClusterFacts | None:
        """The cluster of that name; None if there is none. One read."""
        found = self._fleet.clusters.find(name)
        return None if found is None else _cluster_facts(found)

    def find_nodes(self, node_ids: Sequence[str]) -> dict[str, NodeFacts]:
        """The nodes of these ids that exist, by id: one consistent read of at most `MOST_NODES`. Raises ValueError
        above that."""
        if len(node_ids) > MOST_NODES:
            raise ValueError(f"{len(node_ids)} node ids, more than {MOST_NODES}")
        return {node.id: _node_facts(node) for node in self._fleet.nodes.reading.find_many(node_ids)}

    def page_of_nodes(
        self, cluster_id: str, enrolled_until: datetime, cursor: str | None = None
    ) -> tuple[list[NodeFacts], str | None]:
        """The next nodes of a cluster that enrolled by then, oldest first, and the cursor of the following page; None
        at the end. A node that moves during the walk may be missing."""
        page = self._fleet.nodes.reading.page_of_cluster(
            cluster_id, cursor, MOST_NODES, to_seconds_text(enrolled_until)
        )
        return [_node_facts(node) for node in page.nodes], page.cursor

    def create_key(self, cluster_name: str, name: str, expires_at: datetime, *, token: str) -> NewKey:
        """A key with which one machine enrols in the cluster until then.

        A repeat with the same token returns the key of the first call until that key
        is deleted. The token begins with a UUIDv7 that the caller has stored before the call, such as the id of the row
        that it works for. The id of the key takes its time from it, so that an old token makes no key that lets a
        deleted node return. Its row is removed a day after it has expired. Raises `EdgeError` (not found) if there is
        no such cluster, ValueError for any other token.
        """
        enrollment = self._fleet.enrollment
        wanted: KeyChanges = {"name": name, "uses_remaining": 1, "expired_at": to_seconds_text(expires_at)}
        with attaching(None):
            key = enrollment.create(
                cluster_name,
                wanted,
                key_id=derived_uuid7(token, _KEY),
                removed_at=expires_at + KEY_KEPT,
                reach=EVERYWHERE,
            )
        return NewKey(key.id, enrollment.reveal(key))

    def delete_key(self, key_id: str) -> None:
        """Delete a key: no machine can enrol with it any more. Does nothing if it does not exist."""
        _ignore_missing(lambda: self._fleet.enrollment.delete(key_id, reach=EVERYWHERE))

    def delete_key_of(self, token: str) -> None:
        """Delete the key that `create_key` makes for this token, and with it the registrations under way that it has
        admitted. Does nothing if it does not exist."""
        self.delete_key(derived_uuid7(token, _KEY))

    def delete_node(self, node_id: str) -> None:
        """Delete a node; its machine can return only with a newer key. Does nothing if it does not exist."""
        _ignore_missing(lambda: self._fleet.nodes.placing.delete(node_id, reach=EVERYWHERE))

    def run(
        self, node_ids: Sequence[str], command: str, timeout_seconds: int, expires_at: datetime, *, token: str
    ) -> str:
        """Run a shell command on nodes; returns the id of the command. Nodes that do not exist are ignored.

        A repeat with the same token returns the command of the first call as long as
        the command or its tombstone is kept. The token is as in `create_key`; the two may be given the same. Raises
        `EdgeError` (validation failed), ValueError above `MOST_NODES` and for a token of another form.
        """
        if len(node_ids) > MOST_NODES:
            raise ValueError(f"{len(node_ids)} node ids, more than {MOST_NODES}")
        targeting = Targeting(type=TargetType.NODES, node_ids=tuple(node_ids))
        command_id = derived_uuid7(token, _COMMAND)
        new = NewCommand(command, targeting, timeout_seconds * 1000, expires_at, allow_missing=True, id=command_id)
        with attaching(None):
            return self._fleet.commands.registry.create(new, reach=EVERYWHERE).id

    def host_facts(self, node_id: str) -> HostFacts | None:
        """The use of the machine of a node; None for a node that does not exist or does not answer. An agent whose last
        figures are old is asked, which takes up to five seconds."""
        figures = self._fleet.metrics.nodes.host_figures(node_id, reach=EVERYWHERE)
        if figures is None:
            return None
        load, cores = figures.cpu.load_1m, figures.cpu.cores
        busy = None if load is None or not cores else min(100.0, round(load / cores * 100, 2))
        return HostFacts(busy, figures.memory.total_bytes, figures.memory.used_bytes)

    def newest_agent(self) -> str | None:
        """The version of the agent that new machines get; None if this stack serves none. One read. Raises `EdgeError`
        (service unavailable)."""
        try:
            return self._fleet.distribution.release(None).version
        except EdgeError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return None

    def update(self, node_id: str, version: str, *, token: str) -> None:
        """Have the agent of a node update itself to this version. A repeat with the same token does nothing; the token
        is as in `create_key`."""
        targeting = Targeting(type=TargetType.NODES, node_ids=(node_id,))
        with attaching(None):
            self._fleet.updates.requests.create(
                targeting, version, allow_missing=True, reach=EVERYWHERE, request_id=derived_uuid7(token, _UPDATE)
            )

    def update_state(self, node_id: str, *, token: str) -> UpdateFacts | None:
        """The state of the update that was asked for with this token; None if none was. Two reads."""
        found = self._fleet.updates.requests.state_of(derived_uuid7(token, _UPDATE), node_id)
        return None if found is None else _update_facts(*found)

    def result(self, command_id: str, node_id: str) -> Result | None:
        """The execution of a command on a node; None while it does not exist. Two reads."""
        try:
            found = self._fleet.commands.executions.get(execution_id(command_id, node_id), reach=EVERYWHERE).execution
        except EdgeError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return None
        return Result(found.status.value, found.exit_code, found.output)


def _ignore_missing(delete: Callable[[], None]) -> None:
    try:
        delete()
    except EdgeError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise


def _cluster_facts(cluster: Cluster) -> ClusterFacts:
    return ClusterFacts(cluster.id, cluster.name, cluster.node_count, cluster.node_limit)


def _node_facts(node: Node) -> NodeFacts:
    return NodeFacts(
        id=node.id,
        cluster_id=node.cluster_id,
        cluster_name=node.cluster_name,
        status=node.status.value,
        agent_version=node.agent_version,
        enrollment_key_id=node.enrollment_key_id,
        last_seen_at=node.last_seen_at,
        inserted_at=node.inserted_at,
    )


def _update_facts(request: SelfUpdateRequest, node: NodeUpdate | None) -> UpdateFacts:
    """A node that a completed request has not found takes no updates, or was not healthy then; one that was told and
    does not report how it went is not known to have changed."""
    is_over = request.status is RequestStatus.COMPLETED
    if node is None:
        reason = "its agent takes no updates, or was not healthy" if is_over else ""
        return UpdateFacts(UpdateState.FAILED if is_over else UpdateState.WAITING, reason=reason)
    match node.state:
        case NodeState.UPDATED:
            return UpdateFacts(UpdateState.UPDATED, node.agent_version or "")
        case NodeState.FAILED:
            return UpdateFacts(UpdateState.FAILED, node.agent_version or "", node.reason or "it did not update in time")
        case _ if is_over:
            return UpdateFacts(UpdateState.FAILED, reason="its agent was told, and did not report how it went")
        case _:
            return UpdateFacts(UpdateState.WAITING)
