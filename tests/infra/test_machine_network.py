"""The security group that an operator deploys for machines on EC2: nothing in, only what agents need out."""

import pytest
import yaml

from infra.lint import MACHINE_NETWORK
from infra.package import ROOT
from infra.resolved import Location, resolved

TEMPLATE = yaml.safe_load(MACHINE_NETWORK.read_text())
GUIDE = (ROOT / "docs" / "providers.md").read_text()


def group(**parameters):
    """The one resource of the template with these parameters."""
    resources = resolved(TEMPLATE, {"VpcId": "vpc-0a", **parameters}, Location())["Resources"]
    (only,) = resources.values()
    assert only["Type"] == "AWS::EC2::SecurityGroup"
    return only["Properties"]


@pytest.mark.parametrize("parameters", [{}, {"HttpOut": "yes"}])
def test_group_of_machines_lets_nothing_in(parameters):
    assert "SecurityGroupIngress" not in group(**parameters)


@pytest.mark.parametrize(("parameters", "ports"), [({}, {443}), ({"HttpOut": "yes"}, {443, 80})])
def test_machines_call_out_by_https_and_if_asked_for_by_http(parameters, ports):
    rules = group(**parameters)["SecurityGroupEgress"]
    assert {(rule["IpProtocol"], rule["FromPort"] == rule["ToPort"]) for rule in rules} == {("tcp", True)}
    assert {rule["ToPort"] for rule in rules} == ports
    assert sorted(rule.get("CidrIp") or rule["CidrIpv6"] for rule in rules) == sorted(
        ["0.0.0.0/0", "::/0"] * len(ports)
    )


def test_group_belongs_to_the_network_that_is_given():
    assert group()["VpcId"] == "vpc-0a"


def test_guide_deploys_the_template_with_its_parameters_and_reads_its_output():
    assert str(MACHINE_NETWORK.relative_to(ROOT)) in GUIDE
    assert "VpcId=" in GUIDE
    (output,) = TEMPLATE["Outputs"]
    assert f"OutputKey=='{output}'" in GUIDE
