"""Instances of a tenant: made, listed, powered on and off, and deleted. Everything is a row of the engine's: no request
calls a provider."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError, Kind, invalid
from chalicelib.kit.ids import Ids
from chalicelib.machines.catalogue.model import Template, Tier
from chalicelib.machines.catalogue.service import Catalogue
from chalicelib.machines.instances.model import INSTANCE, InstanceSpec, PowerOperation
from chalicelib.machines.instances.names import readable_name
from chalicelib.machines.instances.rules import change_for
from chalicelib.platform.identity.model import TenantFacts
from chalicelib.platform.provisioning.model import Changes, NewResource, Power, Resource
from chalicelib.platform.quotas.rules import INSTANCES, quota_exceeded


@dataclass(frozen=True, kw_only=True)
class NewInstance:
    """An instance as a caller asks for it. Without ``name`` it gets a readable one; without ``cluster_name`` it does
    not enrol."""

    template_id: str
    zone: str
    name: str | None = None
    cluster_name: str | None = None


class Resources(Protocol):
    """The resources of a tenant, as far as they are used here (`platform.provisioning`)."""

    def create(self, new: NewResource) -> Resource: ...
    def get(self, kind: str, resource_id: str) -> Resource: ...
    def every(self, kind: str) -> list[Resource]: ...
    def change(
        self, kind: str, resource_id: str, decide: Callable[[Resource], Changes | None], operation: str
    ) -> Resource: ...
    def delete(self, kind: str, resource_id: str, operation: str) -> Resource: ...


class Instances:
    """The instances of tenants. ``read_tenant`` reads what a tenant may use, ``has_cluster`` whether there is a cluster
    of that name, ``used_by`` how much of the quota of instances a tenant has taken."""

    def __init__(
        self,
        catalogue: Catalogue,
        resources: Callable[[str], Resources],
        tier_of: Callable[[str], Tier],
        read_tenant: Callable[[str], TenantFacts],
        has_cluster: Callable[[str], bool],
        used_by: Callable[[str], int],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._catalogue = catalogue
        self._resources = resources
        self._tier_of = tier_of
        self._read_tenant = read_tenant
        self._has_cluster = has_cluster
        self._used_by = used_by
        self._clock = clock
        self._ids = ids

    def create(self, tenant: str, owner: str, wanted: NewInstance, instance_id: str | None = None) -> Resource:
        """Ask for an instance: one transaction, which also takes one of the tenant's quota. With an ``instance_id``
        that is there already, the instance as it is.

        Raises `EdgeError` (validation failed) for a template, zone or cluster that there is not, (forbidden) for a
        cluster that is not the tenant's and for a quota that is used up.
        """
        template = self._template(wanted.template_id)
        if wanted.zone not in template.zones:
            raise invalid("zone", f"unknown for template {template.id}. Allowed: {', '.join(template.zones)}")
        facts = self._read_tenant(tenant)
        if wanted.cluster_name is not None:
            self._check_cluster(facts, template, wanted.cluster_name)
        chosen_id = instance_id or self._ids.uuid7(self._clock.now())
        spec = InstanceSpec(
            template_id=template.id,
            zone=wanted.zone,
            provider=template.provider,
            cluster_name=wanted.cluster_name,
            machine=template.for_provider,
        )
        return self._resources(tenant).create(
            NewResource(
                kind=INSTANCE,
                name=wanted.name or readable_name(chosen_id),
                owner=owner,
                spec=spec.stored(),
                power=Power.ON,
                quota=INSTANCES,
                limit=self._limit_of(tenant, facts),
                id=chosen_id,
            )
        )

    def check_room(self, tenant: str) -> None:
        """Raises `EdgeError` (forbidden) if the tenant's quota is used up. `create` alone decides: this is for what
        makes an instance later."""
        limit = self._limit_of(tenant, self._read_tenant(tenant))
        if limit is not None and self._used_by(tenant) >= limit:
            raise quota_exceeded(INSTANCES, limit)

    def every(self, tenant: str) -> list[Resource]:
        """All instances of the tenant, newest first."""
        return self._resources(tenant).every(INSTANCE)

    def get(self, tenant: str, instance_id: str) -> Resource:
        """Raises `EdgeError` (not found)."""
        return self._resources(tenant).get(INSTANCE, instance_id)

    def power(self, tenant: str, instance_id: str, operation: PowerOperation) -> Resource:
        """Begin a power operation. A repeat of one under way changes nothing. Raises `EdgeError` (not found), and
        (conflict) if the status does not allow it."""

        def decide(resource: Resource) -> Changes | None:
            change = change_for(resource, operation)
            if change is None:
                return None
            awake = {name: value for name, value in resource.spec.items() if name != "is_paused"}
            return Changes(power=change.power, act=change.act, spec=None if awake == resource.spec else awake)

        return self._resources(tenant).change(INSTANCE, instance_id, decide, f"instance.{operation}")

    def delete(self, tenant: str, instance_id: str) -> Resource:
        """Begin to delete an instance, also one that is being made or changed. A repeat changes nothing. Raises
        `EdgeError` (not found), and (conflict) while something refers to it."""
        return self._resources(tenant).delete(INSTANCE, instance_id, "instance.delete")

    def _limit_of(self, tenant: str, facts: TenantFacts) -> int | None:
        """How many instances the tenant may have at a time."""
        return facts.limit_of(INSTANCES, self._tier_of(tenant).quota(INSTANCES))

    def _template(self, template_id: str) -> Template:
        found = self._catalogue.find_template(template_id)
        if found is None:
            known = ", ".join(one.id for one in self._catalogue.templates) or "none: this deployment has no provider"
            raise invalid("templateID", f"unknown. Allowed: {known}")
        return found

    def _check_cluster(self, facts: TenantFacts, template: Template, cluster_name: str) -> None:
        """Raises `EdgeError` (forbidden, validation failed)."""
        if not template.agent:
            raise invalid("clusterName", f"machines of template {template.id} have no agent and join no cluster")
        if not facts.may_use(cluster_name):
            raise EdgeError(
                Kind.FORBIDDEN, "This customer may not use a cluster of that name", code="cluster_forbidden"
            )
        if not self._has_cluster(cluster_name):
            raise invalid("clusterName", "there is no cluster of that name")
