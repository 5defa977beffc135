"""Elastic IPs of two tenants: each is with the instance that its row says, and none with one that is gone."""

from chalicelib.cloud.network.address_model import ADDRESS
from chalicelib.cloud.network.address_rules import address_spec
from chalicelib.machines.public import INSTANCE
from chalicelib.platform.provisioning.model import State
from tests.simulation.cloud.things import cloud, ec2, some_thing, some_user, things_of
from tests.simulation.scene import NothingThereError, Scene

CALLS = ("AllocateAddress", "AssociateAddress", "DisassociateAddress", "ReleaseAddress", "DescribeAddresses")


def allocate_address(scene: Scene) -> None:
    cloud(scene).addresses.allocate(some_user(scene))


def associate_address(scene: Scene) -> None:
    address = some_thing(scene, ADDRESS)
    instance = some_thing(scene, INSTANCE, address.tenant)
    cloud(scene).addresses.associate(address.tenant, address.id, instance.id)


def disassociate_address(scene: Scene) -> None:
    address = some_thing(scene, ADDRESS)
    cloud(scene).addresses.disassociate(address.tenant, address.id)


def release_address(scene: Scene) -> None:
    address = some_thing(scene, ADDRESS)
    cloud(scene).addresses.delete(address.tenant, address.id)


def somebody_takes_an_address(scene: Scene) -> None:
    there = [each.id for each in ec2(scene).alive_parts("elastic-ip") if ec2(scene).machine_of(each.id)]
    if not there:
        raise NothingThereError("associated addresses")
    ec2(scene).take_address(scene.rng.choice(there))


def addresses_are_with_the_instances_of_their_rows(scene: Scene) -> None:
    machines = {row.id: row.external.get("id", "") for row in things_of(scene, INSTANCE)}
    for row in things_of(scene, ADDRESS):
        if row.state is State.READY:
            wanted = machines.get(address_spec(row).instance_id, "")
            there = ec2(scene).machine_of(row.external["id"])
            assert there == wanted, f"{row.name} is with {there or 'nothing'}, and shall be with {wanted or 'nothing'}"


OPERATIONS = (
    allocate_address,
    associate_address,
    associate_address,
    disassociate_address,
    release_address,
    somebody_takes_an_address,
)
