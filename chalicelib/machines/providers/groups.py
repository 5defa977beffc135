"""The security groups of instances in networks of their tenants: those of the row beside those of the machine.

A group that was lost has no id any more, and is left out: the others let through what they did.
"""

from collections.abc import Callable, Mapping, Sequence

from chalicelib.machines.instances.model import InstanceSpec
from chalicelib.machines.providers.rules import GROUPS, OTHER_GROUPS
from chalicelib.platform.provisioning.model import Observation, Resource
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from chalicelib.platform.provisioning.store import EXTERNAL_ID

FindResources = Callable[[str, Sequence[str]], Sequence[Resource]]
"""A tenant and ids of its resources -> those that are there."""


class Groups:
    """``find`` finds the groups by their ids."""

    def __init__(self, find: FindResources) -> None:
        self._find = find

    def compared(self, resources: Sequence[Resource], observed: Mapping[str, Observation]) -> Mapping[str, Observation]:
        """The observations that tell groups, with these in the facts only where they are not those of the row. One read
        of each tenant."""
        telling = [each for each in resources if GROUPS in observed[each.id].facts]
        wanted: dict[str, set[str]] = {}
        for each in telling:
            wanted.setdefault(each.tenant, set()).update(_ids_of(each))
        found = [group for tenant, ids in wanted.items() for group in self._find(tenant, sorted(ids))]
        by_name = {(group.tenant, group.id): group for group in found}
        return {each.id: _compared(each, observed[each.id], by_name) for each in telling}

    def at_provider(self, resource: Resource) -> list[str]:
        """The ids at the provider of the groups that the row wants. Raises `AgainLaterError` until all are made, and
        `RefusedError` if none is there."""
        found = {(resource.tenant, group.id): group for group in self._find(resource.tenant, _ids_of(resource))}
        wanted = _wanted(resource, found)
        if not wanted:
            raise RefusedError("its security groups are gone: attach another one")
        if None in wanted:
            raise AgainLaterError("a security group of it is not made yet", nothing_done=True)
        return [each for each in wanted if each is not None]


def _compared(resource: Resource, observation: Observation, groups: Mapping[tuple[str, str], Resource]) -> Observation:
    facts = {**observation.facts}
    has, wanted = facts.pop(GROUPS), _wanted(resource, groups)
    if wanted and set(wanted) != set(has):
        facts[OTHER_GROUPS] = has
    return Observation(observation.seen, observation.external, facts, observation.reason, observation.generation)


def _wanted(resource: Resource, groups: Mapping[tuple[str, str], Resource]) -> list[str | None]:
    """The ids at the provider of the groups of a row; None for one that is not made yet."""
    there = [groups.get((resource.tenant, each)) for each in _ids_of(resource)]
    return [each.external.get(EXTERNAL_ID) for each in there if each is not None and not each.is_released]


def _ids_of(resource: Resource) -> Sequence[str]:
    return InstanceSpec.model_validate(resource.spec).security_group_ids
