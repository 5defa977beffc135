"""The linters' findings: each has a reason, and each reason a finding."""

import pytest

from chalicelib.platform.context import Role
from infra.lint import REASONS, Finding, of_policies, verdict
from tests.infra.places import parameters_of_the_application

EXPECTED = [Finding(*reason.partition(" ")[::2], "somewhere") for reason in REASONS]


def test_expected_findings_are_not_reported():
    assert verdict(EXPECTED) == []


@pytest.mark.parametrize(
    "unexpected",
    [
        Finding("E3012", "is not of type 'string'", "sam.json"),
        Finding("E3006", "Resource type 'AWS::WAFv2::WebACL' does not exist in 'us-gov-west-1'", "sam.json"),
    ],
)
def test_finding_without_a_reason_is_reported_with_its_source(unexpected):
    [line] = verdict([*EXPECTED, unexpected])

    assert line == f"{unexpected.source}: {unexpected.rule} {unexpected.text}"


def test_reason_without_a_finding_is_reported():
    [line] = verdict([each for each in EXPECTED if each.rule != "ES6000"])

    assert "ES6000" in line


@pytest.mark.parametrize("role", Role)
def test_iam_knows_every_action_granted_to_roles(templates, role):
    findings = list(of_policies(templates[role], parameters_of_the_application()))

    assert findings
    assert [each for each in findings if each.reason is None] == []


def test_action_unknown_to_iam_is_a_finding():
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:Shout", "Resource": "*"}]}
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": document}]}}

    assert [each.rule for each in of_policies({"Resources": {"Worker": role}}, {})] == ["UNKNOWN_ACTION"]
