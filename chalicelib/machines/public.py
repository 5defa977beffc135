"""The part of the machines that families above may import: instances of tenants, made and changed in their own words.

An instance is one resource whichever family makes it, so each sees those of the other. Every other module of the
machines is private.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.machines.instances.model import INSTANCE, InstanceSpec, PowerOperation, Status
from chalicelib.machines.instances.rules import is_regrouping, refusal, status_of
from chalicelib.machines.providers.ports import ProviderName
from chalicelib.machines.providers.rules import NODE_ID
from chalicelib.machines.wiring import Machines
from chalicelib.platform.provisioning.model import Changes, NewResource, Power
from chalicelib.platform.provisioning.ports import ProviderError
from chalicelib.platform.quotas.rules import INSTANCES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.platform.provisioning.model import Beside, Resource, Share
    from chalicelib.platform.wiring import Platform

__all__ = [
    "INSTANCE",
    "NODE_ID",
    "InstanceSpec",
    "MachinesAccess",
    "NewMachine",
    "PowerOperation",
    "ProviderName",
    "Status",
    "is_regrouping",
    "machines_of",
    "refusal",
    "status_of",
]


@dataclass(frozen=True, kw_only=True)
class NewMachine:
    """An instance to make. ``most`` is how many instances the tenant may have, None for any number; ``shares`` is what
    it takes of further quotas; ``parents`` are resources that it refers to, ``sources`` those that must be there until
    its provider has made it, ``beside`` changes of others that are made
    with it. ``id`` is a new UUIDv7, which these changes may name."""

    id: str
    name: str
    owner: str
    spec: InstanceSpec
    most: int | None
    shares: tuple[Share, ...] = ()
    parents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    beside: tuple[Beside, ...] = ()


def machines_of(platform: Platform) -> MachinesAccess:
    """The machines of this deployment."""
    return MachinesAccess(platform.container(Machines), platform)


class MachinesAccess:
    """Use of the machines by other families, whose wiring gets it by `machines_of`."""

    def __init__(self, machines: Machines, platform: Platform) -> None:
        self._machines = machines
        self._platform = platform

    @property
    def providers(self) -> Sequence[str]:
        """The names of the providers of this deployment."""
        return self._platform.settings.machine_providers

    @property
    def zones(self) -> Sequence[str]:
        """The zones of EC2 in which the installation has a network."""
        return sorted(self._platform.settings.subnet_of_zone)

    @property
    def region(self) -> str:
        """The region of EC2 in which this installation is."""
        return str(self._platform.gateways.machine_client.meta.region_name)

    def make(self, tenant: str, decide: Callable[[], NewMachine]) -> Resource:
        """Ask for the instance that ``decide`` tells, in one transaction with its quotas and what changes beside it. It
        is asked again if that has changed meanwhile. Raises `EdgeError` (forbidden) for a used up quota, (not found,
        conflict) for a parent that is not there, and what ``decide`` raises."""
        return self._platform.resources(tenant).make(lambda: _new(decide()), "instance.created")

    def change(
        self, tenant: str, instance_id: str, decide: Callable[[Resource], Changes | None], operation: str
    ) -> Resource:
        """Change an instance. Raises `EdgeError` (not found, conflict, forbidden) and what ``decide`` raises."""
        return self._platform.resources(tenant).change(INSTANCE, instance_id, decide, operation)

    def delete(self, tenant: str, instance_id: str) -> Resource:
        """Raises `EdgeError` (not found, conflict)."""
        return self._machines.instances.delete(tenant, instance_id)

    def console(self, instance: Resource) -> str | None:
        """The end of what its machine wrote to its console; None if there is none, or no answer now."""
        try:
            return self._machines.providers.driver.console(instance)
        except ProviderError:
            return None


def _new(wanted: NewMachine) -> NewResource:
    return NewResource(
        kind=INSTANCE,
        id=wanted.id,
        name=wanted.name,
        owner=wanted.owner,
        spec=wanted.spec.stored(),
        power=Power.ON,
        parents=wanted.parents,
        sources=wanted.sources,
        quota=INSTANCES,
        limit=wanted.most,
        shares=wanted.shares,
        beside=wanted.beside,
    )
