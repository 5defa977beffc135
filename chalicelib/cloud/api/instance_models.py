"""The instance on the wire, and what requests about instances hold."""

from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import RootModel, StringConstraints

from chalicelib.cloud.api.fields import TENANT_ID, TIME, USER_ID, MountPath, PageQuery, Sent, Shown
from chalicelib.cloud.api.slices import SliceQuery
from chalicelib.cloud.compute.dialect import shown_status, spec_of
from chalicelib.cloud.compute.disk_rules import DEVICES
from chalicelib.cloud.compute.instances import labels_of
from chalicelib.cloud.compute.model import Status
from chalicelib.cloud.compute.types import DEFAULT_TYPE
from chalicelib.kit.fields import about
from chalicelib.machines.public import NODE_ID
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.validation import OneOf, Path, Timestamp

INSTANCE_ID = "01a1fd8c-4d3b-7a10-9c55-2f60d7a1e0b4"

MOST_VOLUMES = len(DEVICES)

Name = Annotated[str, MinLen(1), MaxLen(64), StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
TypeName = Annotated[str, MinLen(1), MaxLen(64), about("Type, one of `GET /instance-types`.", DEFAULT_TYPE)]
Texts = Annotated[
    dict[Annotated[str, MinLen(1), MaxLen(128)], Annotated[str, MaxLen(1_024)]],
    MaxLen(50),
]


class InstancePath(Path):
    instance_id: Annotated[
        str, MinLen(1), MaxLen(64), about("Id of an instance, its name, or the beginning of its id.", INSTANCE_ID)
    ]


class TagPath(Path):
    instance_id: Annotated[
        str, MinLen(1), MaxLen(64), about("Id of an instance, its name, or the beginning of its id.", INSTANCE_ID)
    ]
    key: Annotated[str, MinLen(1), MaxLen(128), about("Name of a label.", "role")]


class InstancesQuery(SliceQuery, PageQuery):
    """A page or a slice of the instances."""

    tag: Annotated[
        str | None, MaxLen(1_024), about("Labels that they have, `name` or `name:value`, by commas.", "role:web")
    ] = None


class VolumeMount(Sent):
    """A volume that a new instance has."""

    volume_id: Annotated[
        str, MinLen(1), MaxLen(64), about("Id or name of a volume that is `AVAILABLE`, in its zone.", "database")
    ]
    mount_path: MountPath


class InstanceLaunch(Sent):
    """A new instance."""

    name: Annotated[Name, about("Name: letters, digits, - and _.", "web-1")]
    image: Annotated[
        str,
        MinLen(1),
        MaxLen(256),
        about("Name of an image of the installation or the tenant, or id of one of a tenant.", "debian-12"),
    ]
    instance_type: TypeName = DEFAULT_TYPE
    ports: Annotated[
        str, MaxLen(256), about("Ports that its user notes, host:container by commas; they open nothing.", "80:8080")
    ] = ""
    vpc_id: Annotated[
        str, MaxLen(64), about("Id or name of a VPC of the tenant; without it, the installation's network.")
    ] = ""
    subnet_id: Annotated[
        str, MaxLen(64), about("Id of a subnet, or its name in that VPC; without it, the VPC's oldest.")
    ] = ""
    security_group_ids: Annotated[
        tuple[Annotated[str, MinLen(1), MaxLen(64)], ...],
        MaxLen(5),
        about("Ids of security groups, or their names in the VPC; without any, the group `default`.", []),
    ] = ()
    ssh_key_id: Annotated[str, MaxLen(64), about("Id or name of an SSH key that lets in.")] = ""
    volumes: Annotated[
        tuple[VolumeMount, ...],
        MaxLen(MOST_VOLUMES),
        about("Volumes that are attached to it, in this order, from its beginning.", []),
    ] = ()
    metadata: Annotated[Texts | None, about("Texts by name, for its user.", {"owner": "ada"})] = None
    labels: Annotated[Texts | None, about("Labels by name, by which lists find it.", {"role": "web"})] = None


class MetadataChange(Sent):
    """Texts to merge with those that are there."""

    metadata: Annotated[Texts | None, about("Texts by name; an empty one takes its name away.", {"owner": "bob"})] = (
        None
    )
    labels: Annotated[Texts | None, about("Labels by name; an empty one is taken away.", {"role": "db"})] = None


class TagsAdd(Sent):
    """Labels to add."""

    tags: Annotated[Texts, about("Labels to add by name; an empty text takes its name away.", {"role": "db"})]


class StatusChange(Sent):
    """The status that an instance shall have."""

    status: Annotated[
        Annotated[str, StringConstraints(pattern=r"^(RUNNING|STOPPED)$")],
        about("`RUNNING` or `STOPPED`.", "STOPPED"),
    ]


class Resize(Sent):
    """The type that an instance shall have."""

    instance_type: TypeName


class InstanceOut(Shown):
    """An instance of the tenant, as it is now."""

    id: Annotated[str, about("UUID of the instance, and of its node if it has one.", INSTANCE_ID, format="uuid")]
    user_id: Annotated[str | None, about("UUID of the user who made it; null for none.", USER_ID)]
    tenant_id: Annotated[str, about("UUID of the tenant that has it.", TENANT_ID)]
    name: Annotated[str, about("Name that it was given.", "web-1")]
    image: Annotated[str, about("Image of its disk.", "ubuntu-24.04")]
    container_id: Annotated[str | None, about("Id of its machine at its provider.", "i-0abc1234def567890")]
    status: Annotated[OneOf[Status], about("Status, which says when operations are done.", "RUNNING")]
    status_reason: Annotated[str | None, about("Why it has failed or waits; null if there is nothing to say.", None)]
    instance_type: Annotated[
        str, about("Size, one of `GET /instance-types`, or a template of the machines' API.", DEFAULT_TYPE)
    ]
    ports: Annotated[str, about("Ports as they were noted.", "80:8080")]
    vpc_id: Annotated[str | None, about("UUID of its VPC; null: the installation's network.", None)]
    subnet_id: Annotated[str | None, about("UUID of its subnet; null: the installation's.", None)]
    security_group_ids: Annotated[
        tuple[str, ...], about("UUIDs of its security groups; none in the installation's network.", [])
    ]
    private_ip: Annotated[str | None, about("Private address; null while it has none.", "10.0.1.17")]
    public_ip: Annotated[str | None, about("Public address; null while it has none.", None)]
    ovs_port: Annotated[str | None, about("Always null: there is no such port here.", None)]
    volume_binds: Annotated[tuple[str, ...], about("Always empty: volumes are attached.", [])]
    env: Annotated[tuple[str, ...], about("Always empty: machines take none.", [])]
    cmd: Annotated[tuple[str, ...], about("Always empty: machines run what their image starts.", [])]
    cpu_limit: Annotated[int | None, about("Virtual processors of its type.", 1)]
    memory_limit: Annotated[int | None, about("Memory of its type in MB.", 1_024)]
    disk_limit: Annotated[int | None, about("Its disk in GB.", 10)]
    metadata: Annotated[dict[str, str], about("Texts by name.", {"owner": "ada"})]
    labels: Annotated[dict[str, str], about("Labels by name.", {"role": "web"})]
    ssh_key_id: Annotated[str | None, about("The SSH key as the launch named it.", None)]
    cluster: Annotated[str | None, about("Cluster of the fleet in which its agent enrols; null: none.", "north")]
    node_id: Annotated[str | None, about("UUID of its node once it has enrolled.", INSTANCE_ID)]
    version: Annotated[int, Ge(1), Le(2**31), about("Number that grows with each change.", 4)]
    created_at: Annotated[Timestamp, about("Time at which it was asked for.", TIME)]
    updated_at: Annotated[Timestamp, about("Time of its last change.", TIME)]


class InstanceSliceOut(Shown):
    """A slice of the instances of the tenant, newest first."""

    data: Annotated[tuple[InstanceOut, ...], about("The instances of the slice.")]
    total_count: Annotated[int, about("Number of all instances.", 3)]
    has_more: Annotated[bool, about("Whether there are instances behind the slice.", False)]


class InstancesOut(RootModel[tuple[InstanceOut, ...] | InstanceSliceOut]):
    """The instances of the tenant, newest first, or a slice of them."""


class LabelsOut(RootModel[dict[str, str]]):
    """Labels by name."""


class ResizedOut(Shown):
    """A change of type that has begun."""

    message: Annotated[str, about("Outcome in words.", "instance resize started")]
    instance_type: Annotated[str, about("The new type.", "standard-1")]
    status: Annotated[OneOf[Status], about("Status of the instance.", "STARTING")]


class ConsoleOut(Shown):
    """A console in a browser."""

    url: Annotated[str, about("Address of the console.", "https://eu-central-1.console.aws.amazon.com/ec2/home")]
    console_url: Annotated[str, about("The same address.", "https://eu-central-1.console.aws.amazon.com/ec2/home")]


class InstanceStatsOut(Shown):
    """The use of a machine."""

    cpu_percentage: Annotated[float, about("Load of the last minute by its processors, in percent, 100 at most.", 12.5)]
    memory_usage_bytes: Annotated[int, about("Main memory that programs cannot have, in bytes.", 524_288_000)]
    memory_limit_bytes: Annotated[int, about("Main memory that its system counts, in bytes.", 1_073_741_824)]
    memory_percentage: Annotated[float, about("Memory in use, in percent of what it has.", 48.83)]


def show_instance(instance: Resource, tenant: str) -> InstanceOut:
    """The instance as it is shown."""
    spec, observed = spec_of(instance), instance.observed
    notes, machine = spec.notes, spec.machine
    return InstanceOut(
        id=instance.id,
        user_id=instance.owner or None,
        tenant_id=tenant,
        name=instance.name,
        image=str(notes.get("image") or machine.get("image") or spec.template_id),
        container_id=instance.external.get("id"),
        status=shown_status(instance),
        status_reason=instance.reason or None,
        instance_type=spec.template_id,
        ports=str(notes.get("ports", "")),
        vpc_id=notes.get("vpc_id") or None,
        subnet_id=spec.subnet_id or None,
        security_group_ids=spec.security_group_ids,
        private_ip=observed.get("internal_ip"),
        public_ip=observed.get("external_ip"),
        ovs_port=None,
        volume_binds=(),
        env=(),
        cmd=(),
        cpu_limit=machine.get("vcpus"),
        memory_limit=machine.get("memory_mb"),
        disk_limit=machine.get("disk_size_gb"),
        metadata=notes.get("metadata", {}),
        labels={**labels_of(instance)},
        ssh_key_id=notes.get("ssh_key_id") or None,
        cluster=spec.cluster_name,
        node_id=observed.get(NODE_ID),
        version=max(1, instance.version),
        created_at=instance.inserted_at,
        updated_at=instance.updated_at,
    )
