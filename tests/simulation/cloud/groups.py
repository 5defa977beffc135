"""Security groups of two tenants: their rules at EC2 are those of their rows."""

from chalicelib.cloud.network.group_model import SECURITY_GROUP, Direction, Protocol, Traffic
from chalicelib.cloud.network.group_rules import spec_of
from chalicelib.cloud.network.model import VPC
from chalicelib.platform.provisioning.model import State
from tests.simulation.cloud.things import cloud, ec2, some_thing, things_of, user_of
from tests.simulation.scene import NothingThereError, Scene

CALLS = (
    *("CreateSecurityGroup", "DeleteSecurityGroup", "DescribeSecurityGroups"),
    *("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupEgress"),
)


def create_group(scene: Scene) -> None:
    vpc = some_thing(scene, VPC)
    cloud(scene).security_groups.create(user_of(vpc), vpc.id, scene.some_name(), "")


def make_default_group(scene: Scene) -> None:
    vpc = some_thing(scene, VPC)
    cloud(scene).security_groups.default_of(user_of(vpc), vpc.id)


def add_rule(scene: Scene) -> None:
    group = some_thing(scene, SECURITY_GROUP)
    port = scene.rng.choice((22, 443))
    traffic = Traffic(
        direction=scene.rng.choice([*Direction]), protocol=Protocol.TCP, cidr="10.0.0.0/8", port_min=port, port_max=port
    )
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
    for row in things_of(scene, SECURITY_GROUP):
        if row.state is State.READY:
            there = sum(len(ec2(scene).rules_of(row.external["id"], way)) for way in ("Ingress", "Egress"))
            wanted = len(spec_of(row).rules)
            assert there == wanted, f"{row.name} has {there} rules at EC2, and shall have {wanted}"


OPERATIONS = (create_group, make_default_group, add_rule, add_rule, remove_rule, delete_group)
