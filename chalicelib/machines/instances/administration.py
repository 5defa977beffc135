"""Instances of all tenants, for the operator of the installation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.kit.errors import found
from chalicelib.kit.listing.request import FilterValue
from chalicelib.machines.instances.model import INSTANCE, InstanceSpec, PowerOperation, Status
from chalicelib.machines.instances.rules import status_of
from chalicelib.machines.instances.service import Instances
from chalicelib.platform.provisioning.model import Resource


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A condition on instances; None: any. Texts are compared without their case."""

    owner: str | None = None
    tenant: str | None = None
    status: Status | None = None
    zone: str | None = None
    template_id: str | None = None

    def fits(self, resource: Resource) -> bool:
        """Whether the instance is one of those."""
        spec = InstanceSpec.model_validate(resource.spec)
        pairs = (
            (self.owner, resource.owner),
            (self.tenant, resource.tenant),
            (self.zone, spec.zone),
            (self.template_id, spec.template_id),
        )
        is_status = self.status is None or status_of(resource) is self.status
        return is_status and all(wanted is None or wanted.lower() == value.lower() for wanted, value in pairs)


class AllResources(Protocol):
    """The resources of all tenants, as far as they are used here (`platform.provisioning`)."""

    def page(
        self,
        kind: str,
        filters: Mapping[str, FilterValue],
        page: int,
        limit: int,
        fits: Callable[[Resource], bool] | None,
    ) -> tuple[Sequence[Resource], int]: ...
    def find(self, kind: str, resource_id: str) -> Resource | None: ...


class AllInstances:
    """The instances of all tenants. Changes go the way of those that their tenants make."""

    def __init__(self, resources: AllResources, instances: Instances) -> None:
        self._resources = resources
        self._instances = instances

    def page(self, wanted: Filter, page: int, limit: int) -> tuple[Sequence[Resource], int]:
        """A page of instances, newest first, and the number of all that fit. With a condition, all rows are read."""
        return self._resources.page(INSTANCE, {}, page, limit, None if wanted == Filter() else wanted.fits)

    def get(self, instance_id: str) -> Resource:
        """Raises `EdgeError` (not found)."""
        return found(self._resources.find(INSTANCE, instance_id))

    def power(self, instance_id: str, operation: PowerOperation) -> Resource:
        """Raises `EdgeError` (not found, conflict) as `Instances.power`."""
        return self._instances.power(self.get(instance_id).tenant, instance_id, operation)

    def delete(self, instance_id: str) -> Resource:
        """Raises `EdgeError` (not found, conflict) as `Instances.delete`."""
        return self._instances.delete(self.get(instance_id).tenant, instance_id)
