"""Rules of EC2's machines and disks."""

from typing import Any

from tests.probe.probing import Client, probe, refused

IMAGE = "ami-12c6146b"


def _machine(ec2: Any, **more: Any) -> str:
    made = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, InstanceType="t3.micro", **more)
    return str(made["Instances"][0]["InstanceId"])


def _volume(ec2: Any, **more: Any) -> str:
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    return str(ec2.create_volume(AvailabilityZone=zone, Size=1, **more)["VolumeId"])


@probe("EC2", "RunInstances", "a repeat with its client token makes no second machine")
def machine_token(client: Client) -> bool:
    ec2 = client("ec2")
    return len({_machine(ec2, ClientToken="probe") for _ in range(2)}) == 1


@probe("EC2", "RunInstances", "an unknown image is refused")
def unknown_image(client: Client) -> bool:
    ec2 = client("ec2")
    return refused(lambda: ec2.run_instances(ImageId="ami-0000000000000dead", MinCount=1, MaxCount=1))


@probe("EC2", "RunInstances", "the name of a public SSM parameter stands for its image")
def image_parameter(client: Client) -> bool:
    name = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    made = client("ec2").run_instances(ImageId=name, MinCount=1, MaxCount=1)["Instances"][0]
    return str(made["ImageId"]).startswith("ami-")


@probe("EC2", "ModifyInstanceAttribute", "another type is refused while it runs")
def running_type(client: Client) -> bool:
    ec2 = client("ec2")
    machine = _machine(ec2)
    return refused(lambda: ec2.modify_instance_attribute(InstanceId=machine, InstanceType={"Value": "t3.small"}))


@probe("EC2", "StopInstances", "keeping the memory is refused without the option from its start")
def hibernation(client: Client) -> bool:
    ec2 = client("ec2")
    machine = _machine(ec2)
    return refused(lambda: ec2.stop_instances(InstanceIds=[machine], Hibernate=True))


@probe("EC2", "CreateVolume", "a repeat with its client token makes no second disk")
def volume_token(client: Client) -> bool:
    ec2 = client("ec2")
    return len({_volume(ec2, ClientToken="probe") for _ in range(2)}) == 1


@probe("EC2", "AttachVolume", "a disk at another machine is refused")
def attached_disk(client: Client) -> bool:
    ec2 = client("ec2")
    volume, machines = _volume(ec2), [_machine(ec2) for _ in range(2)]
    ec2.attach_volume(VolumeId=volume, InstanceId=machines[0], Device="/dev/sdf")
    return refused(lambda: ec2.attach_volume(VolumeId=volume, InstanceId=machines[1], Device="/dev/sdf"))


@probe("EC2", "DeleteVolume", "refused while it is attached")
def used_disk(client: Client) -> bool:
    ec2 = client("ec2")
    volume = _volume(ec2)
    ec2.attach_volume(VolumeId=volume, InstanceId=_machine(ec2), Device="/dev/sdf")
    return refused(lambda: ec2.delete_volume(VolumeId=volume))


@probe("EC2", "ImportSnapshot", "it exists")
def import_snapshot(client: Client) -> bool:
    disk = {"Format": "RAW", "UserBucket": {"S3Bucket": "b", "S3Key": "k"}}
    return "ImportTaskId" in client("ec2").import_snapshot(DiskContainer=disk)
