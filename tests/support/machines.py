"""Instances for tests of providers and of their driver."""

from typing import Any

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.ids import moment_of
from chalicelib.machines.instances.model import INSTANCE, InstanceSpec
from chalicelib.platform.provisioning.model import Power, Resource

EC2_MACHINE = {
    "machine_type": "t3.small",
    "disk_size_gb": 20,
    "disk_type": "gp3",
    "image_parameter": "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
    "root_device": "/dev/sda1",
}
"""The part of a template that an instance on EC2 keeps."""

INSTANCE_ID = "019ac1e5-7d00-7000-8000-000000000001"
OTHER_ID = "019ac1e5-7d00-7000-8000-000000000002"


def instance(
    instance_id: str = INSTANCE_ID, *, cluster: str | None = None, provider: str = "ec2", **more: Any
) -> Resource:
    """The row of an instance."""
    spec = InstanceSpec(
        template_id="any",
        zone=more.pop("zone", "eu-central-1a"),
        provider=provider,
        cluster_name=cluster,
        machine=EC2_MACHINE,
    )
    made = to_seconds_text(moment_of(instance_id))
    row: dict[str, Any] = {
        "id": instance_id,
        "tenant": "tenant-1",
        "kind": INSTANCE,
        "name": "brisk-otter",
        "spec": spec.model_dump(mode="json"),
        "power": Power.ON,
        "inserted_at": made,
        "updated_at": made,
        **more,
    }
    return Resource.model_validate(row)
