"""The request that makes an EC2 instance, and the tags that it carries. Pure.

Every machine has no role, metadata only for callers on itself that have a session token, an encrypted disk that goes
with it, and no inbound connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from chalicelib.machines.providers.ports import Launch
from chalicelib.machines.providers.user_data import user_data
from chalicelib.platform.provisioning.ec2_tags import tags_for
from chalicelib.platform.provisioning.ports import RefusedError

RESOLVE = "resolve:ssm:"
"""Before the name of an SSM parameter, it lets EC2 read the id of the image there."""


class Ec2Machine(BaseModel, frozen=True):
    """The part of a template that EC2 needs, as an instance keeps it. The image is named by the public SSM parameter
    that has the newest one, or by its id; ``root_device`` is the name under which the image has its disk.
    ``hibernates``: it can keep its memory on that disk while it is off, which EC2 has to know from the beginning."""

    machine_type: str
    image_parameter: str = ""
    image_id: str = ""
    root_device: str
    disk_size_gb: int
    disk_type: str
    hibernates: bool = False


@dataclass(frozen=True)
class Network:
    """The network of machines: a subnet by zone, and the security groups of all of them, which let nothing in."""

    subnets: Mapping[str, str]
    security_groups: tuple[str, ...]


def run_request(launch: Launch, stage: str, network: Network) -> dict[str, Any]:
    """The arguments of RunInstances. Raises `RefusedError` for a zone without a subnet, or if there is no security
    group: EC2 would take the network's default group, which may let others in."""
    machine = Ec2Machine.model_validate(launch.machine)
    subnet = launch.subnet or network.subnets.get(launch.zone)
    if subnet is None:
        raise RefusedError(f"there is no network in zone {launch.zone}: use another zone")
    groups = launch.security_groups if launch.subnet else network.security_groups
    if not groups:
        raise RefusedError("this installation has no security group for machines: the operator has to name one")
    tags = [{"Key": "Name", "Value": launch.name}, *tags_for(stage, launch.tenant, launch.id)]
    disk = {
        "Encrypted": True,
        "VolumeSize": machine.disk_size_gb,
        "VolumeType": machine.disk_type,
        "DeleteOnTermination": True,
    }
    request: dict[str, Any] = {
        "ClientToken": launch.id,
        "MinCount": 1,
        "MaxCount": 1,
        "ImageId": machine.image_id or f"{RESOLVE}{machine.image_parameter}",
        "InstanceType": machine.machine_type,
        "SubnetId": subnet,
        "SecurityGroupIds": list(groups),
        "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        # A machine that is shut down from within stays, with its disk.
        "InstanceInitiatedShutdownBehavior": "stop",
        "BlockDeviceMappings": [{"DeviceName": machine.root_device, "Ebs": disk}],
        "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
    }
    if machine.machine_type.startswith("t"):
        # By default a busy machine of this kind costs more than its price an hour.
        request["CreditSpecification"] = {"CpuCredits": "standard"}
    if machine.hibernates:
        request["HibernationOptions"] = {"Configured": True}
    if launch.enrolment is not None or launch.ssh_keys:
        request["UserData"] = user_data(launch.enrolment, launch.ssh_keys).reveal()
    return request
