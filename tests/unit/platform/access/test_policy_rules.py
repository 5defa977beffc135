"""Policies: how patterns match, and how statements are evaluated together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.policy_rules import Effect, Statement, evaluated, matches, problem_of
from chalicelib.platform.access.principal import Principal, PrincipalKind, Resource, Scope, decide

ALLOW, DENY = Effect.ALLOW, Effect.DENY
FACTS = {
    "thecloud:TenantId": "t-1",
    "aws:UserId": "u-1",
    "aws:SourceIp": "203.0.113.7",
    "aws:CurrentTime": "2026-11-21T10:00:00Z",
}
VPC_READ = Permission("vpc:read", KeyRole.VIEWER)


def one(effect=ALLOW, actions=("vpc:read",), resources=("*",), **conditions):
    return Statement(effect, tuple(actions), tuple(resources), conditions)


@pytest.mark.parametrize(
    ("pattern", "text", "does"),
    [
        ("*", "", True),
        ("vpc:*", "vpc:read", True),
        ("vpc:r*", "vpc:read", True),
        ("vpc:read", "vpc:read", True),
        ("vpc:read", "vpc:reads", False),
        ("*:read", "vpc:read", False),
        ("", "vpc:read", False),
        ("vpc:*", "vpc_peering:read", False),
    ],
)
def test_star_counts_at_the_end_alone(pattern, text, does):
    assert matches(pattern, text) is does


def test_denial_wins_wherever_it_stands_and_nothing_decides_nothing():
    for statements in ([one(), one(DENY)], [one(DENY), one()]):
        assert evaluated(statements, "vpc:read", ["vpc:1"], FACTS) is DENY
    assert evaluated([one()], "vpc:read", ["vpc:1"], FACTS) is ALLOW
    assert evaluated([one(DENY)], "vpc:delete", ["vpc:1"], FACTS) is None
    assert evaluated([], "vpc:read", ["vpc:1"], FACTS) is None


@pytest.mark.parametrize(
    ("operator", "key", "value", "holds"),
    [
        ("IpAddress", "aws:SourceIp", "203.0.113.0/24", True),
        ("IpAddress", "aws:SourceIp", ["198.51.100.0/24", "203.0.113.7"], True),
        ("IpAddress", "aws:SourceIp", "198.51.100.0/24", False),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", False),
        ("NotIpAddress", "aws:SourceIp", "198.51.100.0/24", True),
        ("NotIpAddress", "aws:SourceIp", "203.0.113.7", False),
        ("StringEquals", "aws:UserId", "u-1", True),
        ("StringEquals", "aws:UserId", "u-2", False),
        ("StringNotEquals", "aws:UserId", "u-2", True),
        ("StringLike", "aws:UserId", "u-*", True),
        ("StringNotLike", "aws:UserId", "u-*", False),
        ("DateGreaterThan", "aws:CurrentTime", "2026-11-21T09:00:00Z", True),
        ("DateLessThan", "aws:CurrentTime", "2026-11-21T10:30:00+01:00", False),
        ("DateEquals", "aws:CurrentTime", "2026-11-21T11:00:00+01:00", True),
        ("Null", "aws:UserId", "false", True),
        ("Null", "aws:UserId", "true", False),
    ],
)
def test_statement_applies_where_its_condition_holds(operator, key, value, holds):
    assert problem_of({operator: {key: value}}) is None
    applied = evaluated([one(DENY, **{operator: {key: value}})], "vpc:read", ["x"], FACTS)
    assert applied is (DENY if holds else None)


@pytest.mark.parametrize("operator", ["NotIpAddress", "StringNotEquals", "StringNotLike"])
def test_negated_condition_holds_without_a_value(operator):
    key, value = ("aws:SourceIp", "203.0.113.7") if "Ip" in operator else ("aws:UserId", "u-1")
    assert evaluated([one(DENY, **{operator: {key: value}})], "vpc:read", ["x"], {}) is DENY


@pytest.mark.parametrize("operator", ["IpAddress", "StringEquals", "StringLike", "DateLessThan", "Bool"])
def test_other_condition_does_not_hold_without_a_value(operator):
    value = {"IpAddress": "203.0.113.7", "DateLessThan": "2026-11-21T10:00:00Z", "Bool": True}.get(operator, "u-1")
    assert evaluated([one(**{operator: {"aws:UserId": value}})], "vpc:read", ["x"], {}) is None


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ("StringEquals", "an object of operators"),
        ({"StringEqual": {"aws:UserId": "u"}}, "unknown operator 'StringEqual'"),
        ({"StringEquals": {}}, "an object of keys"),
        ({"StringEquals": {"aws:Username": "ada"}}, "unknown key 'aws:Username'"),
        ({"StringEquals": {"aws:UserId": ["u"]}}, "cannot compare aws:UserId"),
        ({"IpAddress": {"aws:SourceIp": "300.0.0.0/8"}}, "cannot compare aws:SourceIp"),
        ({"IpAddress": {"aws:SourceIp": []}}, "cannot compare aws:SourceIp"),
        ({"DateLessThan": {"aws:CurrentTime": "2026-11-21T10:00:00"}}, "cannot compare aws:CurrentTime"),
        ({"DateLessThan": {"aws:CurrentTime": "tomorrow"}}, "cannot compare aws:CurrentTime"),
        ({"Bool": {"aws:UserId": "true"}}, "cannot compare aws:UserId"),
        ({"Null": {"aws:UserId": "yes"}}, "cannot compare aws:UserId"),
    ],
)
def test_condition_that_cannot_be_evaluated_is_told(conditions, said):
    assert said in problem_of(conditions)


PATTERNS = st.sampled_from(["*", "vpc:*", "vpc:read", "vpc:d*", "sg:read", "vpc", "*:read"])
RESOURCES = st.sampled_from(["*", "vpc:*", "vpc:1", "vpc:2", "1", "arn:thecloud:vpc:local:t-1:vpc/1", "arn:*", "sg:1"])
STATEMENTS = st.lists(
    st.builds(
        lambda effect, actions, resources: Statement(effect, tuple(actions), tuple(resources)),
        st.sampled_from(Effect),
        st.lists(PATTERNS, min_size=1, max_size=3),
        st.lists(RESOURCES, min_size=1, max_size=3),
    ),
    max_size=5,
)


def naive(statements, permissions, action, resource_id):
    """What the rules say, word by word."""
    names = [f"arn:thecloud:vpc:local:t-1:vpc/{resource_id or '*'}", f"vpc:{resource_id or '*'}", resource_id or "*"]

    def fits(pattern, text):
        if pattern == "*":
            return True
        return text[: len(pattern) - 1] == pattern[:-1] if pattern[-1] == "*" else pattern == text

    verdicts = []
    for statement in statements:
        on_action = [pattern for pattern in statement.actions if fits(pattern, action)]
        on_resource = [pattern for pattern in statement.resources for name in names if fits(pattern, name)]
        if on_action and on_resource:
            verdicts.append(statement.effect)
    if DENY in verdicts:
        return False
    return ALLOW in verdicts or action in permissions


@given(STATEMENTS, st.frozensets(st.sampled_from(["vpc:read", "vpc:delete"])), st.sampled_from(["", "1", "2"]))
def test_decision_agrees_with_a_naive_evaluator(statements, permissions, resource_id):
    principal = Principal(
        kind=PrincipalKind.KEY, tenant="t-1", permissions=permissions, statements=tuple(statements), user="u-1"
    )
    for name in ("vpc:read", "vpc:delete"):
        action = Permission(name, KeyRole.VIEWER)
        resource = Resource("vpcs", Scope.TENANT, resource_id)
        decision = decide(principal, action, resource, {"address": "203.0.113.7", "time": "2026-11-21T10:00:00Z"})
        assert decision.is_allowed is naive(statements, permissions, name, resource_id)


def test_policy_opens_no_operation_of_the_installation():
    everything = (one(actions=("*",)),)
    principal = Principal(kind=PrincipalKind.KEY, tenant="t-1", statements=everything)
    assert not decide(principal, VPC_READ, Resource("vpcs", Scope.INSTALLATION), {}).is_allowed
    assert not decide(principal, VPC_READ, Resource("vpcs", Scope.REACH), {}).is_allowed
    reveal = Permission("keys:reveal", KeyRole.ADMIN)
    assert decide(principal, reveal, Resource("keys", Scope.TENANT), {}).is_allowed
    held = Principal(kind=PrincipalKind.KEY, tenant="t-1", statements=everything, reveals=False)
    assert not decide(held, reveal, Resource("keys", Scope.TENANT), {}).is_allowed
