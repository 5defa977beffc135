"""Security groups of two tenants: their rules at EC2 are those of their rows."""

from chalicelib.cloud.network.group_model import SECURITY_GROUP, Direction, Protocol, Traffic
from chalicelib.cloud.network.group_rules import spec_of
from chalicelib.cloud.network.model import VPC
from chalicelib.platform.provisioning.model import State
from tests.simulation.cloud.things import cloud, ec2, some_thing, things_of, user_of
from tests.simulation.scene import NothingThereError, Scene
from tests.support.fakes.ec2_groups import Rule

CALLS = (
    *("CreateSecurityGroup", "DeleteSecurityGroup", "DescribeSecurityGroups"),
    *("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupEgress"),
)

WITH_PORTS = frozenset({Protocol.TCP, Protocol.UDP})


def create_group(scene: Scene) -> None:
    vpc = some_thing(scene, VPC)
    cloud(scene).security_groups.create(user_of(vpc), vpc.id, scene.some_name(), "")


def make_default_group(scene: Scene) -> None:
    vpc = some_thing(scene, VPC)
    cloud(scene).security_groups.default_of(user_of(vpc), vpc.id)


def add_rule(scene: Scene) -> None:
    group = some_thing(scene, SECURITY_GROUP)
    protocol, cidr = scene.rng.choice([*Protocol]), scene.rng.choice(("10.0.0.0/8", "0.0.0.0/0"))
    first, last = scene.rng.choice(((22, 22), (443, 8443))) if protocol in WITH_PORTS else (None, None)
    way = scene.rng.choice([*Direction])
    traffic = Traffic(direction=way, protocol=protocol, cidr=cidr, port_min=first, port_max=last)
    cloud(scene).security_groups.add_rule(group.tenant, group.id, traffic, 100)


def remove_rule(scene: Scene) -> None:
    group = some_thing(scene, SECURITY_GROUP)
    rules = spec_of(group).rules
    if not rules:
        raise NothingThereError("rules")
    number = scene.rng.choice(rules).number
    cloud(scene).security_groups.remove_rule(group.tenant, f"{group.id[:-4]}{number:04x}")


def delete_group(scene: Scene) -> None:
    group = some_thing(scene, SECURITY_GROUP)
    cloud(scene).security_groups.delete(group.tenant, group.id)


def rules_at_ec2_are_those_of_the_rows(scene: Scene) -> None:
    """Each by its direction, protocol, ports and addresses."""
    for row in things_of(scene, SECURITY_GROUP):
        if row.state is State.READY:
            for way in Direction:
                there = {*ec2(scene).rules_of(row.external["id"], way.title())}
                wanted = {_at_ec2(rule.traffic) for rule in spec_of(row).rules if rule.traffic.direction is way}
                assert there == wanted, f"{row.name} has the {way} rules {there} at EC2, and shall have {wanted}"


def _at_ec2(traffic: Traffic) -> Rule:
    """As AWS writes it: everything has the number -1, and a protocol without ports the ports -1."""
    if traffic.protocol is Protocol.ALL:
        return "-1", None, None, "IpRanges", traffic.cidr
    ports = (-1, -1) if traffic.protocol is Protocol.ICMP else (traffic.port_min, traffic.port_max)
    return traffic.protocol.value, *ports, "IpRanges", traffic.cidr


OPERATIONS = (create_group, make_default_group, add_rule, add_rule, remove_rule, delete_group)
