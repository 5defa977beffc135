"""`Memberships`: the security groups that an instance has, a part of its row, which its provider follows."""

from collections.abc import Callable

from chalicelib.cloud.compute.dialect import spec_of
from chalicelib.cloud.compute.instances import CloudInstances
from chalicelib.cloud.network.group_rules import MOST_OF_AN_INSTANCE
from chalicelib.cloud.network.group_rules import spec_of as group_spec_of
from chalicelib.cloud.network.groups import SecurityGroups
from chalicelib.kit.errors import conflict
from chalicelib.machines.public import is_regrouping
from chalicelib.platform.provisioning.model import Changes, Resource, State

Ids = tuple[str, ...]


class Memberships:
    """Groups are attached by a change of the instance's row, which refers to them as to parents."""

    def __init__(self, instances: CloudInstances, groups: SecurityGroups) -> None:
        self._instances = instances
        self._groups = groups

    def attach(self, tenant: str, instance: str, group: str) -> Resource:
        """Begin to give an instance one more group; one that it has is left as it is. Raises `EdgeError` (not found),
        and (conflict) for an instance that is in another network, is restarting, or has five."""

        def with_it(ids: Ids, wanted: Resource) -> Ids:
            if wanted.id in ids:
                return ids
            if len(ids) >= MOST_OF_AN_INSTANCE:
                raise conflict(f"the instance has {MOST_OF_AN_INSTANCE} security groups already: detach one first")
            return (*ids, wanted.id)

        return self._change(tenant, instance, group, with_it, "attach_group")

    def detach(self, tenant: str, instance: str, group: str) -> Resource:
        """Begin to take a group from an instance. Raises `EdgeError` (not found), and (conflict) for one that it has
        not, and for its last one."""

        def without_it(ids: Ids, wanted: Resource) -> Ids:
            if wanted.id not in ids:
                raise conflict(f"the instance has no security group {wanted.name}")
            if len(ids) == 1:
                raise conflict("it is the only security group of the instance: attach another one first")
            return tuple(each for each in ids if each != wanted.id)

        return self._change(tenant, instance, group, without_it, "detach_group")

    def _change(
        self, tenant: str, instance: str, group: str, decide: Callable[[Ids, Resource], Ids], verb: str
    ) -> Resource:
        machine = self._instances.get(tenant, instance)
        vpc_id = str(spec_of(machine).notes.get("vpc_id", ""))
        wanted = self._groups.find(tenant, group, vpc_id)
        if not vpc_id:
            raise conflict("the instance is in the installation's network: it has no security groups of a VPC")
        if group_spec_of(wanted).vpc_id != vpc_id:
            raise conflict(f"the security group {wanted.name} is of another VPC than the instance")

        def changes(now: Resource) -> Changes | None:
            before = spec_of(now).security_group_ids
            after = decide(before, wanted)
            return None if after == before else _regrouped(now, after)

        return self._instances.change(tenant, machine.id, changes, verb)


def _regrouped(instance: Resource, ids: Ids) -> Changes:
    """The change to these groups. An instance at rest is shown as it is meanwhile."""
    if instance.state is State.CHANGING and instance.act:
        raise conflict("the instance is restarting: try again when it is RUNNING")
    is_at_rest = instance.state is State.READY or is_regrouping(instance)
    spec = spec_of(instance)
    changed = spec.model_copy(
        update={"security_group_ids": ids, "group_generation": instance.generation + 1 if is_at_rest else 0}
    )
    others = [each for each in instance.parents if each not in spec.security_group_ids]
    return Changes(spec=changed.stored(), parents=(*others, *ids))
