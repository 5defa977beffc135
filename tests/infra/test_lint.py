"""The linters' findings: each has a reason, and each reason a finding."""

import pytest

from chalicelib.platform.context import Role
from infra.lint import REASONS, Finding, of_policies, verdict
from tests.infra.places import parameters_of_the_application

EXPECTED = [Finding(*reason.partition(" ")[::2], "somewhere") for reason in REASONS]


def test_what_is_meant_is_no_finding():
    assert verdict(EXPECTED) == []


@pytest.mark.parametrize(
    "unexpected",
    [
        Finding("E3012", "is not of type 'string'", "sam.json"),
        Finding("E3006", "Resource type 'AWS::WAFv2::WebACL' does not exist in 'us-gov-west-1'", "sam.json"),
    ],
)
def test_one_without_a_reason_is_told_with_its_place(unexpected):
    [line] = verdict([*EXPECTED, unexpected])

    assert line == f"{unexpected.source}: {unexpected.rule} {unexpected.text}"


def test_a_reason_that_no_finding_has_any_more_is_told():
    [line] = verdict([each for each in EXPECTED if each.rule != "ES6000"])

    assert "ES6000" in line


@pytest.mark.parametrize("role", Role)
def test_iam_knows_what_roles_are_granted(templates, role):
    findings = list(of_policies(templates[role], parameters_of_the_application()))

    assert findings
    assert [each for each in findings if each.reason is None] == []


def test_an_action_that_iam_does_not_know_is_found():
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:Shout", "Resource": "*"}]}
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": document}]}}

    assert [each.rule for each in of_policies({"Resources": {"Worker": role}}, {})] == ["UNKNOWN_ACTION"]
