"""`Locations`: where in the networks of its tenant an instance is launched, and with which security groups."""

from collections.abc import Sequence

from chalicelib.cloud.compute.model import Launch, Location
from chalicelib.cloud.network.group_rules import MOST_OF_AN_INSTANCE, spec_of
from chalicelib.cloud.network.groups import SecurityGroups
from chalicelib.cloud.network.subnets import Subnets
from chalicelib.cloud.network.vpcs import Vpcs
from chalicelib.kit.errors import conflict, invalid
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.model import Desired, Resource, State


class Locations:
    """Everything is looked up among the things of the caller's tenant."""

    def __init__(self, vpcs: Vpcs, subnets: Subnets, groups: SecurityGroups) -> None:
        self._vpcs = vpcs
        self._subnets = subnets
        self._groups = groups

    def locate(self, by: Principal, wanted: Launch) -> Location | None:
        """The location of a new instance; None for the installation's network. The default group of the VPC is made
        where no group is named and there is none yet.

        Raises `EdgeError` (not found) for what the tenant does not have, (validation failed) for a subnet or group that
        is not of the VPC, (conflict) for a VPC without a subnet that can be used, and for a part that has failed.
        """
        if not wanted.vpc_id and not wanted.subnet_id:
            if wanted.security_group_ids:
                raise invalid("security_group_ids", "are those of a VPC: name vpc_id or subnet_id too")
            return None
        subnet = self._subnet(by.tenant, wanted)
        vpc_id = str(subnet.spec["vpc_id"])
        zone = _zone_of(subnet)
        if not zone:
            raise conflict(f"the zone of the subnet {subnet.name} is not known yet: wait until it is available")
        groups = self._named(by.tenant, vpc_id, wanted.security_group_ids) or [self._groups.default_of(by, vpc_id)]
        for part in (subnet, *groups):
            _check_there(part)
        return Location(vpc_id, subnet.id, zone, tuple(dict.fromkeys(each.id for each in groups)))

    def _subnet(self, tenant: str, wanted: Launch) -> Resource:
        if not wanted.vpc_id:
            return self._subnets.get(tenant, wanted.subnet_id)
        vpc = self._vpcs.get(tenant, wanted.vpc_id)
        if not wanted.subnet_id:
            return _first(vpc, self._subnets.there_in(tenant, vpc.id))
        subnet = self._subnets.find(tenant, wanted.subnet_id, vpc.id)
        if subnet.spec["vpc_id"] != vpc.id:
            raise invalid("subnet_id", f"the subnet {subnet.name} is not in the VPC {vpc.name}")
        return subnet

    def _named(self, tenant: str, vpc_id: str, names: Sequence[str]) -> list[Resource]:
        if len(set(names)) > MOST_OF_AN_INSTANCE:
            raise invalid("security_group_ids", f"are {len(set(names))}: an instance has {MOST_OF_AN_INSTANCE} at most")
        groups = [self._groups.find(tenant, each, vpc_id) for each in names]
        for group in groups:
            if spec_of(group).vpc_id != vpc_id:
                raise invalid("security_group_ids", f"the security group {group.name} is not of the instance's VPC")
        return groups


def _first(vpc: Resource, subnets: Sequence[Resource]) -> Resource:
    """The oldest of these that can be used, one whose zone is known before the others. Raises `EdgeError`
    (conflict)."""
    usable = [each for each in subnets if _is_there(each)]
    if not usable:
        raise conflict(f"the VPC {vpc.name} has no subnet: make one by POST /vpcs/{vpc.id}/subnets")
    return next((each for each in usable if _zone_of(each)), usable[0])


def _zone_of(subnet: Resource) -> str:
    return str(subnet.observed.get("zone") or subnet.spec.get("zone", ""))


def _is_there(part: Resource) -> bool:
    return part.desired is Desired.PRESENT and part.state not in {State.FAILED, State.GONE}


def _check_there(part: Resource) -> None:
    if not _is_there(part):
        what = part.kind.replace("_", " ")
        how = "has failed" if part.desired is Desired.PRESENT else "is being removed"
        raise conflict(f"the {what} {part.name} {how}: {part.reason or 'use another one'}")
