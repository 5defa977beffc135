"""What a function may do on EC2: make closed machines that carry the stage's tag, and act on no others."""

import json

import pytest

from chalicelib.platform.context import Grants
from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG, stage_of
from infra.deployables import deployables
from infra.functions import FAMILIES, FUNCTIONS
from infra.grants import GRANTS
from infra.machine_policies import machine_statements
from infra.policies import managed_policies, policies
from infra.stateful import TABLE_PREFIX, stateful_template

MAKES, LOOKS = Grants(runs_machines=True), Grants(describes_machines=True)
TAG_OF_THE_STAGE = {"Fn::Sub": "edge-admin-${Stage}"}
CORE = deployables(FAMILIES)[0]
MACHINES = next(each for each in deployables() if each.family.name == "machines")


def statements_for(action):
    return [each for each in machine_statements(MAKES) if action in each["Action"]]


def kinds_of(statement):
    resources = statement["Resource"]
    every = resources if isinstance(resources, list) else [resources]
    return {each["Fn::Sub"].rpartition(":")[2].partition("/")[0] for each in every}


def test_machines_are_made_with_the_tag_without_a_role_and_with_tokens():
    (made,) = [each for each in statements_for("ec2:RunInstances") if kinds_of(each) == {"instance"}]

    assert made["Condition"] == {
        "StringEquals": {f"aws:RequestTag/{STAGE_TAG}": TAG_OF_THE_STAGE, "ec2:MetadataHttpTokens": "required"},
        "Null": {"ec2:InstanceProfile": "true"},
    }


def test_disks_are_made_with_the_tag_and_encrypted():
    (made,) = [each for each in statements_for("ec2:RunInstances") if kinds_of(each) == {"volume"}]

    assert made["Condition"] == {
        "StringEquals": {f"aws:RequestTag/{STAGE_TAG}": TAG_OF_THE_STAGE},
        "Bool": {"ec2:Encrypted": "true"},
    }


def test_all_that_a_machine_is_made_of_is_allowed_and_no_template_or_key_pair():
    kinds = set().union(*(kinds_of(each) for each in statements_for("ec2:RunInstances")))

    assert kinds == {"instance", "volume", "image", "network-interface", "security-group", "subnet"}


def test_tags_are_given_only_when_a_machine_is_made():
    (tagged,) = statements_for("ec2:CreateTags")

    assert kinds_of(tagged) == {"instance", "volume"}
    assert tagged["Condition"]["StringEquals"] == {
        "ec2:CreateAction": "RunInstances",
        f"aws:RequestTag/{STAGE_TAG}": TAG_OF_THE_STAGE,
    }


@pytest.mark.parametrize("action", ["StartInstances", "StopInstances", "RebootInstances", "TerminateInstances"])
def test_machines_are_acted_on_only_if_they_carry_the_tag(action):
    (statement,) = statements_for(f"ec2:{action}")

    assert kinds_of(statement) == {"instance"}
    assert statement["Condition"] == {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": TAG_OF_THE_STAGE}}


def test_console_is_read_of_machines_with_the_tag_alone():
    (statement,) = machine_statements(Grants(reads_consoles=True))

    assert statement["Action"] == ["ec2:GetConsoleOutput"]
    assert statement["Condition"] == {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": TAG_OF_THE_STAGE}}


NETWORKS = machine_statements(Grants(makes_networks=True))


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("CreateVpc", "vpc"),
        ("CreateSubnet", "subnet"),
        ("CreateSecurityGroup", "security-group"),
        ("CreateInternetGateway", "internet-gateway"),
        ("CreateRouteTable", "route-table"),
    ],
)
def test_networks_are_made_with_the_tag_alone(action, kind):
    (made,) = [each for each in NETWORKS if f"ec2:{action}" in each["Action"] and kinds_of(each) == {kind}]

    assert made["Condition"] == {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": TAG_OF_THE_STAGE}}


@pytest.mark.parametrize(
    ("action", "kinds"),
    [
        ("CreateSubnet", {"vpc"}),
        ("DeleteVpc", {"vpc"}),
        ("DeleteSubnet", {"subnet"}),
        ("AttachInternetGateway", {"internet-gateway", "vpc"}),
        ("DetachInternetGateway", {"internet-gateway", "vpc"}),
        ("DeleteInternetGateway", {"internet-gateway"}),
        ("CreateRouteTable", {"vpc"}),
        ("DeleteRouteTable", {"route-table"}),
        ("CreateRoute", {"route-table"}),
        ("ReplaceRoute", {"route-table"}),
        ("DeleteRoute", {"route-table"}),
        ("AssociateRouteTable", {"route-table", "subnet"}),
        ("ReplaceRouteTableAssociation", {"route-table", "subnet"}),
        ("DisassociateRouteTable", {"route-table", "subnet"}),
        ("CreateSecurityGroup", {"vpc"}),
        ("AuthorizeSecurityGroupIngress", {"security-group"}),
        ("AuthorizeSecurityGroupEgress", {"security-group"}),
        ("RevokeSecurityGroupIngress", {"security-group"}),
        ("RevokeSecurityGroupEgress", {"security-group"}),
        ("DeleteSecurityGroup", {"security-group"}),
    ],
)
def test_networks_are_used_and_deleted_only_if_they_carry_the_tag(action, kinds):
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": TAG_OF_THE_STAGE}}
    (statement,) = [each for each in NETWORKS if f"ec2:{action}" in each["Action"] and each["Condition"] == ours]

    assert kinds_of(statement) == kinds


@pytest.mark.parametrize(
    ("action", "kinds"),
    [
        ("AssociateAddress", {"elastic-ip", "instance"}),
        ("ReleaseAddress", {"elastic-ip"}),
        ("CreateNatGateway", {"elastic-ip", "subnet"}),
        ("DeleteNatGateway", {"natgateway"}),
        ("CreateVpcPeeringConnection", {"vpc"}),
        ("DeleteVpcPeeringConnection", {"vpc-peering-connection"}),
    ],
)
def test_ways_out_are_used_and_deleted_only_if_they_carry_the_tag(action, kinds):
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": TAG_OF_THE_STAGE}}
    (statement,) = [each for each in NETWORKS if f"ec2:{action}" in each["Action"] and each.get("Condition") == ours]

    assert kinds_of(statement) == kinds


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("AllocateAddress", "elastic-ip"),
        ("CreateNatGateway", "natgateway"),
        ("CreateVpcPeeringConnection", "vpc-peering-connection"),
    ],
)
def test_ways_out_are_made_with_the_tag_alone(action, kind):
    (made,) = [each for each in NETWORKS if f"ec2:{action}" in each["Action"] and kinds_of(each) == {kind}]

    assert made["Condition"] == {"StringEquals": {f"aws:RequestTag/{STAGE_TAG}": TAG_OF_THE_STAGE}}


def test_peering_is_accepted_only_if_it_and_its_vpc_carry_the_tag():
    ours = {"StringEquals": {f"aws:ResourceTag/{STAGE_TAG}": TAG_OF_THE_STAGE}}
    accepting = [each for each in NETWORKS if "ec2:AcceptVpcPeeringConnection" in each["Action"]]

    assert {kind for each in accepting for kind in kinds_of(each)} == {"vpc", "vpc-peering-connection"}
    assert [each["Condition"] for each in accepting] == [ours, ours]


def test_function_that_only_looks_at_networks_may_change_nothing():
    actions = [each for one in machine_statements(Grants(describes_networks=True)) for each in one["Action"]]

    assert {each.startswith("ec2:Describe") for each in actions} == {True}


def test_function_that_only_looks_may_change_nothing():
    (statement,) = machine_statements(LOOKS)

    assert statement["Action"] == ["ec2:DescribeInstances"]


def test_no_function_may_hand_a_role_on_or_change_tags_later():
    for each in FUNCTIONS:
        grants = GRANTS[each.name]
        text = json.dumps([policies(each, grants, CORE), managed_policies(each, grants, CORE)])

        assert "iam:" not in text
        assert "ec2:DeleteTags" not in text
        assert "ec2:ModifyInstance" not in text.replace("ec2:ModifyInstanceAttribute", "")


def test_machines_are_made_by_one_function():
    assert [name for name, grants in GRANTS.items() if grants.runs_machines] == ["provision"]
    assert [name for name, grants in GRANTS.items() if grants.reads_consoles] == ["cloud_api", "run_hosted_builds"]


def test_function_that_reads_metrics_may_read_them_and_nothing_else():
    assert machine_statements(Grants(reads_metrics=True)) == [
        {"Effect": "Allow", "Action": ["cloudwatch:GetMetricData"], "Resource": "*"}
    ]
    assert [name for name, grants in GRANTS.items() if grants.reads_metrics] == [
        "measure_traffic",
        "measure_usage",
    ]


def test_value_of_the_tag_is_what_the_code_makes_of_its_tables_prefix():
    prefix = TABLE_PREFIX["Fn::Sub"].replace("${Stage}", "prod")

    assert stage_of(prefix) == TAG_OF_THE_STAGE["Fn::Sub"].replace("${Stage}", "prod")


class TestSubscriptionsToKinds:
    """Rules for kinds of resources: of all that the engine changes, few reach a queue."""

    @pytest.fixture
    def rules(self):
        templates = [stateful_template(each, retain=True)["Resources"] for each in deployables(FAMILIES)]
        named = [pair for template in templates for pair in template.items()]
        return {name: each["Properties"] for name, each in named if each["Type"] == "AWS::Events::Rule"}

    @pytest.mark.parametrize(
        ("rule", "data"),
        [
            ("InstanceEndsQueueRule", {"kind": ["instance"], "state": ["deleting", "failed", "gone"]}),
            ("InstanceEndsQueueRule2", {"kind": ["eip"], "state": ["ready"]}),
            ("NetworkEffectsQueueRule", {"kind": ["vpc"]}),
            ("HostedBuildsQueueRule", {"kind": ["instance"]}),
            ("AnalyticsQueueRule2", {"kind": ["instance"]}),
        ],
    )
    def test_rule_of_a_subscription_to_kinds_takes_these_alone(self, rules, rule, data):
        assert rules[rule]["EventPattern"]["detail-type"] == ["platform.resource.state_changed"]
        assert rules[rule]["EventPattern"]["detail"] == {"data": data}


class TestEventsOfEc2:
    @pytest.fixture
    def state(self):
        return stateful_template(MACHINES, retain=True)["Resources"]

    def test_rule_stands_on_the_default_bus_where_aws_publishes(self, state):
        rule = state["InstanceSignalsQueueProviderRule"]["Properties"]

        assert "EventBusName" not in rule
        assert rule["EventPattern"] == {
            "source": ["aws.ec2"],
            "detail-type": ["EC2 Instance State-change Notification"],
        }
        assert rule["Targets"][0]["Arn"] == {"Fn::GetAtt": ["InstanceSignalsQueue", "Arn"]}

    @pytest.mark.parametrize("queue", ["InstanceSignalsQueue", "InstanceSignalsDeadQueue"])
    def test_both_rules_and_nobody_else_may_fill_the_queue(self, state, queue):
        _refused, allowed = state[f"{queue}Policy"]["Properties"]["PolicyDocument"]["Statement"]

        assert allowed["Condition"]["ArnEquals"]["aws:SourceArn"] == [
            {"Fn::GetAtt": ["InstanceSignalsQueueRule", "Arn"]},
            {"Fn::GetAtt": ["InstanceSignalsQueueProviderRule", "Arn"]},
        ]


def test_attributes_of_a_machine_that_may_change_are_its_type_and_groups():
    for each in FUNCTIONS:
        stated = [policies(each, GRANTS[each.name], CORE), managed_policies(each, GRANTS[each.name], CORE)]
        for one in _statements(stated):
            if "ec2:ModifyInstanceAttribute" in one["Action"]:
                equal = one["Condition"]["StringEquals"]
                assert (one["Action"], f"aws:ResourceTag/{STAGE_TAG}" in equal) == (
                    ["ec2:ModifyInstanceAttribute"],
                    True,
                )
                attributes = {
                    "instance": ("InstanceType", ["Groups", "GroupSet", "groupSet"]),
                    "security-group": (None,),
                }
                assert all(equal.get("ec2:Attribute") in attributes[kind] for kind in kinds_of(one))


def _statements(stated):
    """All statements within these policies, however deep they stand."""
    if isinstance(stated, dict) and "Effect" in stated:
        yield stated
    elif isinstance(stated, dict | list | tuple):
        for each in stated.values() if isinstance(stated, dict) else stated:
            yield from _statements(each)
