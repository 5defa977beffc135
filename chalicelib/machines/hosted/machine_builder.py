"""Carries out builds by an instance, its node in the fleet, and the webhook of the hosted node.

Every step is safe to repeat: the instance has the node's id, an update the build's id as its token.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from chalicelib.fleet.public import NodeFacts, UpdateFacts, UpdateState
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.hosted.model import Action, HostedNode, Phase, Status
from chalicelib.machines.hosted.ports import Progress, failed, succeeded
from chalicelib.machines.instances.model import PowerOperation
from chalicelib.machines.instances.model import Status as InstanceStatus
from chalicelib.machines.instances.rules import status_of
from chalicelib.machines.instances.service import NewInstance
from chalicelib.platform.provisioning.model import Resource
from chalicelib.platform.webhooks.forms import SIGNED_DATA

_REFUSALS = frozenset({Kind.FORBIDDEN, Kind.VALIDATION_FAILED, Kind.CONFLICT, Kind.NOT_FOUND})
"""Errors that a repeat does not change."""

_REST: Mapping[InstanceStatus, Status] = {
    InstanceStatus.RUNNING: Status.RUNNING,
    InstanceStatus.RESTARTING: Status.RUNNING,
    InstanceStatus.STOPPING: Status.PAUSED,
    InstanceStatus.STOPPED: Status.PAUSED,
    InstanceStatus.STARTING: Status.STARTING,
}
"""The status of a node by that of its instance; in all others it has failed."""

_HEALTHY = "healthy"
_NODE_STATUS = "node_status"
"""The fact of an instance that tells how its node is (`Resource.observed`)."""


class Instances(Protocol):
    """The part of `instances.service` that is used."""

    def create(self, tenant: str, owner: str, wanted: NewInstance, instance_id: str | None = None) -> Resource: ...

    def get(self, tenant: str, instance_id: str) -> Resource: ...

    def power(self, tenant: str, instance_id: str, operation: PowerOperation) -> Resource: ...

    def delete(self, tenant: str, instance_id: str) -> Resource: ...


class Fleet(Protocol):
    """The part of `fleet.public.FleetAccess` that is used."""

    def find_nodes(self, node_ids: Sequence[str]) -> Mapping[str, NodeFacts]: ...

    def newest_agent(self) -> str | None: ...

    def update(self, node_id: str, version: str, *, token: str) -> None: ...

    def update_state(self, node_id: str, *, token: str) -> UpdateFacts | None: ...


class Webhooks(Protocol):
    """The part of `platform.webhooks.owned` that is used."""

    def put(self, webhook_id: str, owner: str, url: str, form: str) -> None: ...

    def remove(self, webhook_id: str) -> None: ...


class MachineBuilder:
    """See `ports.Builder`."""

    def __init__(self, instances: Instances, fleet: Fleet, webhooks: Webhooks) -> None:
        self._instances = instances
        self._fleet = fleet
        self._webhooks = webhooks
        self._steps = {
            Action.CREATE: self._create,
            Action.START: self._start,
            Action.STOP: self._stop,
            Action.UPGRADE: self._upgrade,
            Action.SETTINGS: self._settings,
            Action.DESTROY: self._destroy,
        }

    def step(self, tenant: str, node: HostedNode) -> Progress:
        instance = self._find(tenant, node.id)
        try:
            return self._steps[node.build.action](tenant, node, instance)
        except EdgeError as error:
            if error.kind not in _REFUSALS:
                raise
            return failed(_told(error), _rest(instance))

    def look(self, tenant: str, node: HostedNode) -> Progress:
        instance = self._find(tenant, node.id)
        rest = _rest(instance)
        return Progress(phase=Phase.COMPLETED, reason=_reason(instance) if rest is Status.FAILED else "", rest=rest)

    def forget(self, node: HostedNode) -> None:
        self._webhooks.remove(node.id)

    def _create(self, tenant: str, node: HostedNode, instance: Resource | None) -> Progress:
        phase = node.build.phase
        if phase is Phase.SUBMITTED:
            self._put_webhook(tenant, node.id, node.webhook_url)
            return Progress(phase=Phase.PROVISIONING)
        if instance is None and phase is Phase.PROVISIONING:
            wanted = NewInstance(
                template_id=node.template_id, zone=node.zone, name=node.name, cluster_name=node.cluster_name
            )
            self._instances.create(tenant, node.owner, wanted, node.id)
            return Progress(phase=Phase.PROVISIONING)
        if phase is Phase.CONFIGURING:
            return self._finished(node, instance)
        return _awaited(instance, Phase.ENROLLING if instance and instance.external else Phase.PROVISIONING)

    def _start(self, tenant: str, node: HostedNode, instance: Resource | None) -> Progress:
        phase = node.build.phase
        if phase is Phase.SUBMITTED:
            status = None if instance is None else status_of(instance)
            if status is InstanceStatus.STOPPING:
                return _later(instance, status)
            if status is InstanceStatus.STOPPED:
                self._instances.power(tenant, node.id, PowerOperation.START)
            return Progress(phase=Phase.PROVISIONING, rest=_rest(instance))
        if phase is Phase.PROVISIONING:
            moved = _awaited(instance, Phase.PROVISIONING)
            return Progress(phase=Phase.ENROLLING, rest=moved.rest) if moved.phase is Phase.CONFIGURING else moved
        if instance is None or status_of(instance) is not InstanceStatus.RUNNING:
            return _lost(instance)
        if instance.observed.get(_NODE_STATUS) == _HEALTHY:
            return self._finished(node, instance)
        return Progress(phase=Phase.ENROLLING, reason="its agent has not connected yet", rest=Status.RUNNING)

    def _stop(self, tenant: str, node: HostedNode, instance: Resource | None) -> Progress:
        status = None if instance is None else status_of(instance)
        if status is InstanceStatus.STOPPED:
            return succeeded(Status.PAUSED)
        is_asked = node.build.phase is not Phase.SUBMITTED
        if not is_asked and status in {InstanceStatus.STARTING, InstanceStatus.RESTARTING}:
            return _later(instance, status)
        if status is InstanceStatus.RUNNING and not is_asked:
            self._instances.power(tenant, node.id, PowerOperation.STOP)
        elif status not in {InstanceStatus.RUNNING, InstanceStatus.STOPPING, InstanceStatus.RESTARTING}:
            return _lost(instance)
        return Progress(phase=Phase.CONFIGURING, rest=_rest(instance))

    def _upgrade(self, _tenant: str, node: HostedNode, instance: Resource | None) -> Progress:
        build, rest = node.build, _rest(instance)
        if rest is Status.FAILED:
            return _lost(instance)
        if build.phase is Phase.CONFIGURING:
            state = self._fleet.update_state(node.id, token=build.id)
            if state is None or state.state is UpdateState.FAILED:
                return failed("the update is gone" if state is None else state.reason, rest)
            if state.state is UpdateState.UPDATED:
                return succeeded(rest, program=state.version)
            return Progress(phase=Phase.CONFIGURING, reason="its agent has not reported yet", rest=rest)
        newest, facts = self._fleet.newest_agent(), self._fleet.find_nodes([node.id]).get(node.id)
        if facts is None:
            return failed("it has no node in the fleet", rest)
        if newest is None:
            return failed("this installation serves no version to upgrade to", rest)
        if facts.agent_version == newest:
            return succeeded(rest, program=newest)
        self._fleet.update(node.id, newest, token=build.id)
        return Progress(phase=Phase.CONFIGURING, rest=rest)

    def _settings(self, tenant: str, node: HostedNode, _instance: Resource | None) -> Progress:
        self._put_webhook(tenant, node.id, node.build.webhook_url)
        return succeeded(None)

    def _destroy(self, tenant: str, node: HostedNode, instance: Resource | None) -> Progress:
        status = None if instance is None else status_of(instance)
        if status in {None, InstanceStatus.TERMINATED}:
            return succeeded(Status.DESTROYED)
        if node.build.phase is Phase.SUBMITTED:
            self._instances.delete(tenant, node.id)
        elif status is InstanceStatus.FAILED:
            return failed(_reason(instance), Status.FAILED)
        return Progress(phase=Phase.CONFIGURING, reason=_reason(instance), rest=Status.FAILED)

    def _finished(self, node: HostedNode, instance: Resource | None) -> Progress:
        """The end of a build that leaves the node running, with the version that it runs."""
        facts = self._fleet.find_nodes([node.id]).get(node.id)
        if facts is None:
            return failed("its node has been deleted", _rest(instance))
        return succeeded(Status.RUNNING, program=facts.agent_version)

    def _put_webhook(self, tenant: str, node_id: str, url: str) -> None:
        if url:
            self._webhooks.put(node_id, f"hosted node {node_id} of {tenant}", url, SIGNED_DATA)
        else:
            self._webhooks.remove(node_id)

    def _find(self, tenant: str, instance_id: str) -> Resource | None:
        try:
            return self._instances.get(tenant, instance_id)
        except EdgeError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return None


def _awaited(instance: Resource | None, waiting: Phase) -> Progress:
    """Waits for an instance to run."""
    if instance is None:
        return _lost(None)
    match status_of(instance):
        case InstanceStatus.RUNNING:
            return Progress(phase=Phase.CONFIGURING, rest=Status.RUNNING)
        case InstanceStatus.PROVISIONING | InstanceStatus.STARTING | InstanceStatus.RESTARTING:
            return Progress(phase=waiting, reason=instance.reason, rest=Status.FAILED)
        case _:
            return _lost(instance)


def _later(instance: Resource | None, status: InstanceStatus) -> Progress:
    """Waits until the instance can be asked: an operation is refused while another is under way."""
    return Progress(phase=Phase.SUBMITTED, reason=f"its instance is {status}", rest=_rest(instance))


def _lost(instance: Resource | None) -> Progress:
    return failed(_reason(instance), _rest(instance))


def _reason(instance: Resource | None) -> str:
    if instance is None:
        return "its instance was deleted"
    return instance.reason or f"its instance is {status_of(instance)}"


def _rest(instance: Resource | None) -> Status:
    return Status.FAILED if instance is None else _REST.get(status_of(instance), Status.FAILED)


def _told(error: EdgeError) -> str:
    """The message, with the first problem of a field."""
    first = next(((field, texts[0]) for field, texts in (error.details or {}).items() if texts), None)
    return error.message if first is None else f"{error.message}: {first[0]} {first[1]}"
