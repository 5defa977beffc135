"""The request that makes a machine on EC2."""

import pytest

from chalicelib.kit.crypto import Secret
from chalicelib.machines.providers.ec2_request import Network, run_request
from chalicelib.machines.providers.ports import Enrolment, Launch
from chalicelib.platform.provisioning.ec2_tags import stage_of
from chalicelib.platform.provisioning.ports import RefusedError
from tests.support.machines import EC2_MACHINE, INSTANCE_ID

NETWORK = Network({"eu-central-1a": "subnet-0a"}, ("sg-0closed",))


def request_of(machine=None, zone="eu-central-1a", enrolment=None, network=NETWORK):
    launch = Launch(INSTANCE_ID, "tenant-1", "brisk-otter", zone, machine or EC2_MACHINE, enrolment)
    return run_request(launch, "edge-admin-prod", network)


def test_request_makes_one_machine_for_the_instance():
    request = request_of()

    assert (request["ClientToken"], request["MinCount"], request["MaxCount"]) == (INSTANCE_ID, 1, 1)
    assert request["ImageId"] == f"resolve:ssm:{EC2_MACHINE['image_parameter']}"
    assert request["SubnetId"] == "subnet-0a"


def test_machine_is_closed_and_has_no_role():
    request = request_of()

    assert request["SecurityGroupIds"] == ["sg-0closed"]
    assert request["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    assert not {"IamInstanceProfile", "KeyName"} & request.keys()


def test_disk_is_encrypted_and_goes_with_the_machine():
    (disk,) = request_of()["BlockDeviceMappings"]

    assert disk == {
        "DeviceName": "/dev/sda1",
        "Ebs": {"Encrypted": True, "VolumeSize": 20, "VolumeType": "gp3", "DeleteOnTermination": True},
    }


def test_machine_and_disk_carry_stage_tenant_and_instance():
    specifications = request_of()["TagSpecifications"]

    assert [each["ResourceType"] for each in specifications] == ["instance", "volume"]
    for each in specifications:
        assert {tag["Key"]: tag["Value"] for tag in each["Tags"]} == {
            "Name": "brisk-otter",
            "edge-admin:stage": "edge-admin-prod",
            "edge-admin:tenant": "tenant-1",
            "edge-admin:resource": INSTANCE_ID,
        }


def test_image_by_id_is_taken_as_it_is():
    assert request_of({**EC2_MACHINE, "image_parameter": "", "image_id": "ami-1"})["ImageId"] == "ami-1"


@pytest.mark.parametrize(("machine_type", "bursts"), [("t3.small", True), ("m7g.large", False)])
def test_machine_that_bursts_costs_no_more_than_its_price(machine_type, bursts):
    request = request_of({**EC2_MACHINE, "machine_type": machine_type})

    assert request.get("CreditSpecification") == ({"CpuCredits": "standard"} if bursts else None)


def test_zone_without_a_subnet_is_refused():
    with pytest.raises(RefusedError, match="no network in zone eu-central-1c: use another zone"):
        request_of(zone="eu-central-1c")


def test_machine_without_a_security_group_is_refused():
    with pytest.raises(RefusedError, match="no security group"):
        request_of(network=Network(NETWORK.subnets, ()))


def test_only_a_machine_that_enrols_has_user_data():
    enrolment = Enrolment("https://edge.example.com", Secret("a-key"), INSTANCE_ID)

    assert "UserData" not in request_of()
    assert "a-key" in request_of(enrolment=enrolment)["UserData"]
    assert "a-key" not in repr(enrolment)


@pytest.mark.parametrize(("prefix", "stage"), [("edge-admin-prod-", "edge-admin-prod"), ("", "")])
def test_stage_of_the_tag_is_that_of_the_tables(prefix, stage):
    assert stage_of(prefix) == stage
