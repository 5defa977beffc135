"""The rules of security groups."""

import pytest

from chalicelib.cloud.network import group_rules as rules
from chalicelib.cloud.network.group_model import Direction, GroupSpec, Protocol, Traffic
from chalicelib.kit.errors import EdgeError, Kind

NOW = "2026-11-21T10:00:00Z"
GROUP = "019ac1e5-7d00-7000-8000-000000000000"


def traffic(number=0, direction=Direction.INGRESS):
    return Traffic(direction=direction, protocol=Protocol.ALL, cidr=f"10.0.{number}.0/24")


def with_rules(numbers):
    spec = rules.new_spec("vpc-1", "", NOW)
    for number in numbers:
        spec = rules.with_rule(spec, traffic(number), 0, NOW)
    return spec


def refusal(call, *given):
    with pytest.raises(EdgeError) as refused:
        call(*given)
    return refused.value


def test_new_group_lets_nothing_in_and_everything_out():
    (rule,) = rules.new_spec("vpc-1", "", NOW).rules
    assert rules.said(rule.traffic) == "egress all 0.0.0.0/0"


def test_rule_names_its_group_and_its_number():
    rule_id = rules.rule_id_of(GROUP, 300)
    assert rule_id == "019ac1e5-7d00-7000-8000-00000000012c"
    assert (rules.group_id_of(rule_id), rules.number_of(rule_id)) == (GROUP, 300)


def test_number_of_a_rule_that_is_gone_is_never_given_again():
    spec = rules.with_rule(rules.without_rule(with_rules([1]), 2), traffic(2), 0, NOW)
    assert [rule.number for rule in spec.rules] == [1, 3]
    assert refusal(rules.without_rule, spec, 2).kind is Kind.NOT_FOUND


def test_same_traffic_twice_is_refused_whatever_its_priority():
    refused = refusal(rules.with_rule, with_rules([1]), traffic(1), 5, NOW)
    assert (refused.kind, refused.message) == (
        Kind.CONFLICT,
        "the group has this rule already: ingress all 10.0.1.0/24",
    )


def test_sixty_first_rule_of_a_direction_is_refused_and_the_other_has_room():
    spec = with_rules(range(60))
    assert "60 ingress rules" in refusal(rules.with_rule, spec, traffic(60), 0, NOW).message
    assert len(rules.with_rule(spec, traffic(60, Direction.EGRESS), 0, NOW).rules) == 62


def test_group_that_has_had_every_number_takes_no_more():
    spec = GroupSpec(vpc_id="vpc-1", next_rule=65_536)
    assert "make another group" in refusal(rules.with_rule, spec, traffic(), 0, NOW).message


@pytest.mark.parametrize(
    ("protocol", "ports", "cidr", "field"),
    [
        ("tcp", (None, None), "10.0.0.0/8", "port_min"),
        ("tcp", (80, None), "10.0.0.0/8", "port_max"),
        ("udp", (0, 80), "10.0.0.0/8", "port_min"),
        ("udp", (80, 65_536), "10.0.0.0/8", "port_max"),
        ("tcp", (443, 80), "10.0.0.0/8", "port_min"),
        ("icmp", (8, None), "10.0.0.0/8", "port_min"),
        ("all", (None, 80), "10.0.0.0/8", "port_max"),
        ("all", (None, None), "10.0.0.1/8", "cidr"),
        ("all", (None, None), "10.0.0.1", "cidr"),
        ("all", (None, None), "fd00::/8", "cidr"),
        ("all", (None, None), "anywhere", "cidr"),
    ],
)
def test_wrong_traffic_is_refused_by_its_field(protocol, ports, cidr, field):
    refused = refusal(rules.check_traffic, Direction.INGRESS, Protocol(protocol), cidr, *ports)
    assert refused.kind is Kind.VALIDATION_FAILED
    assert list(refused.details) == [field]


@pytest.mark.parametrize("ports", [(None, None), (0, 0), (None, 0)])
def test_zero_stands_for_no_port_where_a_protocol_has_none(ports):
    checked = rules.check_traffic(Direction.EGRESS, Protocol.ICMP, "10.0.0.0/8", *ports)
    assert (checked.port_min, checked.port_max) == (None, None)


def test_hundredth_group_of_a_vpc_is_the_last():
    rules.check_room(99)
    assert "delete one first" in refusal(rules.check_room, 100).message
