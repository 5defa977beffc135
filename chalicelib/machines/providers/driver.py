"""The driver of instances: a machine at its provider, and the node that it becomes in the fleet.

The id of the node is that of the instance, so each finds the other without a row between them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.instances.model import RUNS_AS, InstanceSpec
from chalicelib.machines.providers.groups import FindResources, Groups
from chalicelib.machines.providers.ports import Enrolment, Launch, Provider, ProviderName
from chalicelib.machines.providers.rules import (
    ENROLS_WITHIN,
    NODE_DELETED,
    NODE_ID,
    NODE_STATUS,
    OTHER_GROUPS,
    OTHER_TYPE,
    runs_as,
)
from chalicelib.platform.provisioning.model import Desired, Observation, Power, Resource, Seen, State, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, ProviderError, RefusedError
from chalicelib.platform.provisioning.store import EXTERNAL_ID


class Fleet(Protocol):
    """The part of `fleet.public.FleetAccess` that is used."""

    def find_nodes(self, node_ids: Sequence[str]) -> Mapping[str, Any]: ...

    def create_key(self, cluster_name: str, name: str, expires_at: Any, *, token: str) -> Any: ...

    def delete_key_of(self, token: str) -> None: ...

    def delete_node(self, node_id: str) -> None: ...


class InstanceDriver:
    """See `platform.provisioning.ports.Driver`. ``providers`` are those of this deployment, by name; ``server_url`` is
    the address at which agents find the API; ``find`` finds the resources that an instance is made with."""

    def __init__(self, providers: Mapping[str, Provider], fleet: Fleet, server_url: str, find: FindResources) -> None:
        self._providers = providers
        self._fleet = fleet
        self._server_url = server_url
        self._find = find
        self._groups = Groups(find)

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation | ProviderError]:
        """One look at each provider, one read of all nodes, and one of the security groups of each tenant. A provider
        that cannot be asked is the error of its own instances alone."""
        of_provider: dict[str, list[Resource]] = {}
        for each in resources:
            of_provider.setdefault(_spec(each).provider, []).append(each)
        seen: dict[str, Observation] = {}
        errors: dict[str, ProviderError] = {}
        for name, some in of_provider.items():
            try:
                seen |= self._provider(name).look(some)
            except ProviderError as error:
                errors |= {each.id: error for each in some}
        looked_at = [each for each in resources if each.id not in errors]
        return {**errors, **self._told(looked_at, seen)}

    def _told(self, resources: Sequence[Resource], seen: Mapping[str, Observation]) -> Mapping[str, Observation]:
        """The observations with the nodes of these instances, and with their groups compared."""
        enrolling = [each for each in resources if _spec(each).cluster_name is not None]
        with _fleet_errors():
            nodes = self._fleet.find_nodes([each.id for each in enrolling]) if enrolling else {}
        missing = Observation(Seen.MISSING)
        observed = {each.id: seen.get(each.id, missing) for each in resources}
        observed |= self._groups.compared(resources, observed)
        for each in enrolling:
            observed[each.id] = _with_node(each, observed[each.id], nodes.get(each.id))
        return {each.id: _with_charge(each, observed[each.id]) for each in resources}

    def create(self, resource: Resource) -> Mapping[str, str]:
        """The key is made before the machine, under an id that follows from the instance's: a repeat uses the same key,
        and asks the provider for the same machine."""
        spec = _spec(resource)
        subnet, groups = self._network(resource, spec)
        launch = Launch(
            id=resource.id,
            tenant=resource.tenant,
            name=resource.name,
            zone=spec.zone,
            machine=spec.machine,
            enrolment=None if spec.cluster_name is None else self._enrolment(resource, spec.cluster_name),
            subnet=subnet,
            security_groups=groups,
            ssh_keys=spec.ssh_keys,
        )
        return self._provider(spec.provider).launch(launch)

    def change(self, resource: Resource, observation: Observation) -> None:
        """Groups first: they change whether it is on or off. Then power: a machine that is off cannot be reset, and one
        that is starting anew needs no reset. One of another type than the row wants is off for the change, and then as
        the row says."""
        provider = self._provider(_spec(resource).provider)
        if OTHER_GROUPS in observation.facts:
            provider.regroup(resource, self._groups.at_provider(resource))
        is_other = bool(observation.facts.get(OTHER_TYPE))
        if observation.seen is Seen.STOPPED and is_other:
            provider.resize(resource)
        if observation.seen is Seen.READY and (resource.power is Power.OFF or is_other):
            provider.stop(resource)
        elif resource.power is Power.OFF:
            return
        elif observation.seen is Seen.STOPPED:
            provider.start(resource)
        elif resource.act and observation.seen is Seen.READY:
            provider.reset(resource)

    def delete(self, resource: Resource) -> None:
        """The key goes first, and with it all that it has admitted and is not a node yet; then the machine, then its
        node. So no node can come after its machine has gone, and its id stays refused."""
        spec = _spec(resource)
        enrols = spec.cluster_name is not None
        if enrols:
            with _fleet_errors():
                self._fleet.delete_key_of(resource.id)
        self._provider(spec.provider).terminate(resource)
        if enrols:
            with _fleet_errors():
                self._fleet.delete_node(resource.id)

    def tagged(self) -> Iterable[Tagged]:
        for provider in self._providers.values():
            yield from provider.tagged()

    def console(self, resource: Resource) -> str | None:
        """The end of what the machine wrote to its console; None if there is none. Raises `ProviderError`."""
        return self._provider(_spec(resource).provider).console(resource)

    def _network(self, resource: Resource, spec: InstanceSpec) -> tuple[str, tuple[str, ...]]:
        """The provider's ids of the subnet and of the security groups; "" and none for the installation's network, and
        for a process, which is in none."""
        if not spec.subnet_id or spec.provider != ProviderName.EC2:
            return "", ()
        wanted = [spec.subnet_id, *spec.security_group_ids]
        found = {each.id: each for each in self._find(resource.tenant, wanted)}
        ids = [self._made(found.get(each)) for each in wanted]
        return ids[0], tuple(ids[1:])

    @staticmethod
    def _made(part: Resource | None) -> str:
        if part is None or part.desired is Desired.ABSENT or part.is_released:
            raise RefusedError("a part of its network is gone: create another instance")
        if not part.is_seen or part.state in {State.PENDING, State.CREATING}:
            raise AgainLaterError(f"{part.name} of its network is not made yet", nothing_done=True)
        return part.external[EXTERNAL_ID]

    def _enrolment(self, resource: Resource, cluster_name: str) -> Enrolment:
        if not self._server_url:
            raise RefusedError("this installation does not know its own address: the operator has to set PUBLIC_URL")
        expires_at = parse_time(resource.inserted_at) + ENROLS_WITHIN
        with _fleet_errors(f"there is no cluster {cluster_name}: create it, and then another instance"):
            key = self._fleet.create_key(cluster_name, f"instance {resource.name}", expires_at, token=resource.id)
        return Enrolment(self._server_url, key.blob, resource.id)

    def _provider(self, name: str) -> Provider:
        provider = self._providers.get(name)
        if provider is None:
            raise RefusedError(f"this installation has no provider {name} any more")
        return provider


@contextmanager
def _fleet_errors(missing: str = "") -> Iterator[None]:
    """Turns errors of the fleet into those of the engine. ``missing`` is the reason to refuse where something does not
    exist. Raises `ProviderError` in their place."""
    try:
        yield
    except EdgeError as error:
        if missing and error.kind is Kind.NOT_FOUND:
            raise RefusedError(missing) from None
        raise AgainLaterError("the fleet is busy", nothing_done=True) from None


def _spec(resource: Resource) -> InstanceSpec:
    return InstanceSpec.model_validate(resource.spec)


def _with_node(resource: Resource, observation: Observation, node: Any) -> Observation:
    """The observation with the node: None before it has enrolled, its last status `NODE_DELETED` once it is gone."""
    known = resource.observed.get(NODE_ID)
    status = node.status if node is not None else NODE_DELETED if known else None
    facts = {**observation.facts, NODE_ID: resource.id if node is not None else known, NODE_STATUS: status}
    return Observation(observation.seen, observation.external, facts, observation.reason, observation.generation)


def _with_charge(resource: Resource, observation: Observation) -> Observation:
    """The observation with what it is charged as, if it runs."""
    template = runs_as(resource, observation)
    return observation if template is None else replace(observation, facts={**observation.facts, RUNS_AS: template})
