"""The permissions of functions that make machines on EC2.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2"; EC2 user guide,
"Example policies to control access the Amazon EC2 API". A function may only make machines that carry the stage's tag,
and act on those alone. No role can be handed to a machine: iam:PassRole is granted to no function.
"""

from typing import Any

from chalicelib.cloud.images.ec2_parts import FILE_TAG
from chalicelib.platform.context import Grants
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, STAGE_TAG, TENANT_TAG
from infra.functions import APP_NAME

Json = dict[str, Any]

_STAGE: Json = {"Fn::Sub": f"{APP_NAME}-${{Stage}}"}
"""The value of the tag, as `ec2_tags.stage_of` makes it of the tables' prefix."""

PUBLIC_IMAGES = "parameter/aws/service/*"
"""The SSM parameters in which AWS and publishers of images name the newest one."""


_PARTS_OF_NETWORKS = (
    "Vpcs",
    "Subnets",
    "InternetGateways",
    "RouteTables",
    "SecurityGroups",
    *("Addresses", "NatGateways", "VpcPeeringConnections"),
)


def machine_statements(grants: Grants) -> list[Json]:
    """The statements for EC2, and for what CloudWatch tells of machines and buckets."""
    statements: list[Json] = []
    if grants.describes_machines or grants.runs_machines:
        # IAM has no narrower resource for it: it reveals the account's instances.
        statements.append(_allow(["ec2:DescribeInstances"], "*"))
    if grants.runs_machines:
        verbs = ("StartInstances", "StopInstances", "RebootInstances", "TerminateInstances")
        statements += [_made_with_the_tag(), _disks(), _used(), _read_by_ec2(), _tagged_when_made(), _acted_on(*verbs)]
        statements += [_resized(), *_regrouped()]
    if grants.reads_consoles:
        statements.append(_acted_on("GetConsoleOutput"))
    if grants.describes_networks or grants.makes_networks:
        statements.append(_allow([f"ec2:Describe{parts}" for parts in _PARTS_OF_NETWORKS], "*"))
    if grants.makes_networks:
        statements += [*_networks(), *_security_groups(), *_routing()]
        statements += [*_addresses(), *_nat_gateways(), *_peerings()]
    if grants.describes_disks or grants.keeps_disks:
        # IAM has no narrower resource for these either.
        statements.append(_allow(["ec2:DescribeVolumes", "ec2:DescribeSnapshots"], "*"))
    if grants.keeps_disks:
        statements += _disks_kept()
    if grants.reads_metrics:
        # IAM has no narrower resource for it: it reveals figures of the account.
        statements.append(_allow(["cloudwatch:GetMetricData"], "*"))
    statements += _images(grants)
    return statements


def _networks() -> list[Json]:
    """VPCs and subnets with the tag: made with it, in VPCs that have it, and deleted."""
    new = {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE}}
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}}
    made = {"StringEquals": {"ec2:CreateAction": ["CreateVpc", "CreateSubnet"], **new["StringEquals"]}}
    vpc, subnet = _ec2("vpc"), _ec2("subnet")
    return [
        _allow(["ec2:CreateVpc"], vpc, new),
        _allow(["ec2:CreateSubnet"], subnet, new),
        _allow(["ec2:CreateSubnet", "ec2:DeleteVpc"], vpc, ours),
        _allow(["ec2:DeleteSubnet"], subnet, ours),
        _allow(["ec2:CreateTags"], [vpc, subnet], made),
    ]


def _security_groups() -> list[Json]:
    """Security groups with the tag: made with it, in VPCs that have it, given rules, and deleted."""
    new = {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE}}
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}}
    made = {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup", **new["StringEquals"]}}
    ruled = [f"ec2:{verb}SecurityGroup{way}" for verb in ("Authorize", "Revoke") for way in ("Ingress", "Egress")]
    return [
        _allow(["ec2:CreateSecurityGroup"], _ec2("security-group"), new),
        _allow(["ec2:CreateSecurityGroup"], _ec2("vpc"), ours),
        _allow([*ruled, "ec2:DeleteSecurityGroup"], _ec2("security-group"), ours),
        _allow(["ec2:CreateTags"], _ec2("security-group"), made),
    ]


def _addresses() -> list[Json]:
    """Addresses with the tag: made with it, given to machines that have it, taken from them, and released. EC2 asks for
    the network interface that an address is taken from too, which carries no tag."""
    address = _ec2("elastic-ip")
    new = {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE}}
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}}
    made = {"StringEquals": {"ec2:CreateAction": "AllocateAddress", **new["StringEquals"]}}
    return [
        _allow(["ec2:AllocateAddress"], address, new),
        _allow(["ec2:CreateTags"], address, made),
        _allow(["ec2:AssociateAddress"], [address, _ec2("instance")], ours),
        _allow(["ec2:DisassociateAddress", "ec2:ReleaseAddress"], address, ours),
        _allow(["ec2:AssociateAddress", "ec2:DisassociateAddress"], _ec2("network-interface")),
    ]


def _routing() -> list[Json]:
    """Internet gateways and route tables with the tag, and what connects them with VPCs and subnets that have it. These
    actions do not name the targets of routes."""
    new = {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE}}
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}}
    actions = ["CreateInternetGateway", "CreateRouteTable"]
    gateway, table, vpc = _ec2("internet-gateway"), _ec2("route-table"), _ec2("vpc")
    routes = ["ec2:CreateRoute", "ec2:ReplaceRoute", "ec2:DeleteRoute"]
    associations = ["AssociateRouteTable", "ReplaceRouteTableAssociation", "DisassociateRouteTable"]
    return [
        _allow(["ec2:CreateInternetGateway"], gateway, new),
        _allow(["ec2:AttachInternetGateway", "ec2:DetachInternetGateway"], [gateway, vpc], ours),
        _allow(["ec2:DeleteInternetGateway"], gateway, ours),
        _allow(["ec2:CreateRouteTable"], table, new),
        _allow(["ec2:CreateRouteTable"], vpc, ours),
        _allow(["ec2:DeleteRouteTable", *routes], table, ours),
        _allow([f"ec2:{each}" for each in associations], [table, _ec2("subnet")], ours),
        _allow(
            ["ec2:CreateTags"], [gateway, table], {"StringEquals": {"ec2:CreateAction": actions, **new["StringEquals"]}}
        ),
    ]


def _nat_gateways() -> list[Json]:
    """NAT gateways with the tag: made with it, in subnets and with addresses that have it, and deleted."""
    nat = _ec2("natgateway")
    new = {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE}}
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}}
    made = {"StringEquals": {"ec2:CreateAction": "CreateNatGateway", **new["StringEquals"]}}
    return [
        _allow(["ec2:CreateNatGateway"], nat, new),
        _allow(["ec2:CreateNatGateway"], [_ec2("subnet"), _ec2("elastic-ip")], ours),
        _allow(["ec2:DeleteNatGateway"], nat, ours),
        _allow(["ec2:CreateTags"], nat, made),
    ]


def _peerings() -> list[Json]:
    """Peerings with the tag: made with it from a VPC that has it, accepted by another that has it, and deleted. EC2
    asks for the rights on the VPC that a peering is made from, and on the other when it is accepted."""
    peering, vpc = _ec2("vpc-peering-connection"), _ec2("vpc")
    new = {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE}}
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}}
    made = {"StringEquals": {"ec2:CreateAction": "CreateVpcPeeringConnection", **new["StringEquals"]}}
    return [
        _allow(["ec2:CreateVpcPeeringConnection"], peering, new),
        _allow(["ec2:CreateVpcPeeringConnection", "ec2:AcceptVpcPeeringConnection"], vpc, ours),
        _allow(["ec2:AcceptVpcPeeringConnection", "ec2:DeleteVpcPeeringConnection"], peering, ours),
        _allow(["ec2:CreateTags"], peering, made),
    ]


def _made_with_the_tag() -> Json:
    """Only machines with the tag, without a role, and whose metadata asks for a session token."""
    return _allow(
        ["ec2:RunInstances"],
        _ec2("instance"),
        {
            "StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE, "ec2:MetadataHttpTokens": "required"},
            "Null": {"ec2:InstanceProfile": "true"},
        },
    )


def _disks() -> Json:
    """Only encrypted disks with the tag."""
    condition = {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE}, "Bool": {"ec2:Encrypted": "true"}}
    return _allow(["ec2:RunInstances"], _ec2("volume"), condition)


def _used() -> Json:
    """The image and the network of a machine. Images belong to other accounts."""
    image = {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}::image/*"}
    network = [_ec2(kind) for kind in ("network-interface", "security-group", "subnet")]
    return _allow(["ec2:RunInstances"], [image, *network])


def _read_by_ec2() -> Json:
    """EC2 reads the parameter that names an image with the caller's permissions."""
    arn = {"Fn::Sub": f"arn:${{AWS::Partition}}:ssm:${{AWS::Region}}::{PUBLIC_IMAGES}"}
    return _allow(["ssm:GetParameters"], arn)


def _tagged_when_made() -> Json:
    """Tags are given when a thing is made, and never changed: they bind the permissions below."""
    condition = {"StringEquals": {"ec2:CreateAction": "RunInstances", f"aws:RequestTag/{STAGE_TAG}": _STAGE}}
    return _allow(["ec2:CreateTags"], [_ec2("instance"), _ec2("volume")], condition)


def _acted_on(*verbs: str) -> Json:
    """Actions on the machines that carry the tag."""
    condition = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}}
    return _allow([f"ec2:{verb}" for verb in verbs], _ec2("instance"), condition)


def _resized() -> Json:
    """The type of a machine, and no other attribute of it."""
    condition = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE, "ec2:Attribute": "InstanceType"}}
    return _allow(["ec2:ModifyInstanceAttribute"], _ec2("instance"), condition)


def _regrouped() -> list[Json]:
    """The security groups of a machine, with the tag as it. EC2 names the attribute by the parameter of the call; its
    own name for it is the group set."""
    ours = {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}
    of_machines = {"StringEquals": {**ours, "ec2:Attribute": ["Groups", "GroupSet", "groupSet"]}}
    return [
        _allow(["ec2:ModifyInstanceAttribute"], _ec2("instance"), of_machines),
        _allow(["ec2:ModifyInstanceAttribute"], _ec2("security-group"), {"StringEquals": ours}),
    ]


def _disks_kept() -> list[Json]:
    """Encrypted volumes and snapshots with the tag: made, attached to machines with the tag, and deleted. A snapshot
    has no account in its ARN."""
    snapshot = _of_region("snapshot")
    new = {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE}}
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}}
    made_with = {"StringEquals": {"ec2:CreateAction": ["CreateVolume", "CreateSnapshot"], **new["StringEquals"]}}
    return [
        _allow(["ec2:CreateVolume"], _ec2("volume"), {**new, "Bool": {"ec2:Encrypted": "true"}}),
        _allow(["ec2:CreateSnapshot"], snapshot, new),
        _allow(["ec2:CreateTags"], [_ec2("volume"), snapshot], made_with),
        _allow(["ec2:CreateVolume", "ec2:DeleteSnapshot"], snapshot, ours),
        _allow(["ec2:CreateSnapshot", "ec2:DeleteVolume"], _ec2("volume"), ours),
        _allow(["ec2:AttachVolume", "ec2:DetachVolume"], [_ec2("volume"), _ec2("instance")], ours),
    ]


def _images(grants: Grants) -> list[Json]:
    """Looks at images, and what makes them."""
    if not (grants.describes_images or grants.makes_images):
        return []
    looked = ("DescribeImages", "DescribeImportSnapshotTasks", "DescribeSnapshots")
    seen = _allow([f"ec2:{each}" for each in looked], "*")
    return [seen, *(_images_made() if grants.makes_images else [])]


def _images_made() -> list[Json]:
    """Imports, their snapshots, and images with the tag. EC2 makes the snapshot of an import without tags: so this may
    tag snapshots, those alone that no installation has tagged, and then act on them. Neither an image nor a snapshot
    has an account in its ARN."""
    snapshot, image = (_of_region(kind) for kind in ("snapshot", "image"))
    task = _ec2("import-snapshot-task")
    new = {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": _STAGE}}
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": _STAGE}}
    actions = ["ImportSnapshot", "RegisterImage"]
    made = {"StringEquals": {"ec2:CreateAction": actions, **new["StringEquals"]}}
    names = [STAGE_TAG, TENANT_TAG, RESOURCE_TAG, FILE_TAG]
    bare = {"Null": {f"aws:ResourceTag/{STAGE_TAG}": "true"}}
    again = {f"aws:{how}Tag/{STAGE_TAG}": _STAGE for how in ("Request", "Resource")}
    known = {"ForAllValues:StringEquals": {"aws:TagKeys": names}}
    return [
        _allow(["ec2:ImportSnapshot"], task, new),
        _allow(["ec2:ImportSnapshot"], snapshot),
        _allow(["ec2:CancelImportTask"], task, ours),
        _allow(["ec2:CreateTags"], snapshot, {**new, **bare, **known}),
        _allow(["ec2:CreateTags"], snapshot, {"StringEquals": again, **known}),
        _allow(["ec2:RegisterImage"], image, new),
        _allow(["ec2:RegisterImage", "ec2:DeleteSnapshot"], snapshot, ours),
        _allow(["ec2:DeregisterImage"], image, ours),
        _allow(["ec2:CreateTags"], [task, image], made),
    ]


def _of_region(kind: str) -> Json:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:ec2:${{AWS::Region}}::{kind}/*"}


def _ec2(kind: str) -> Json:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:ec2:${{AWS::Region}}:${{AWS::AccountId}}:{kind}/*"}


def _allow(actions: list[str], resources: Any, condition: Json | None = None) -> Json:
    statement: Json = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return statement if condition is None else {**statement, "Condition": condition}
