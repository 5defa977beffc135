"""Who may go on watching an execution."""

import pytest

from chalicelib.fleet.commands.model import Execution
from chalicelib.fleet.tails import rules
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Principal, PrincipalKind


def a_key(**fields):
    return Principal(kind=PrincipalKind.KEY, actor="key:1", **{"role": KeyRole.OPERATOR, **fields})


@pytest.fixture
def execution():
    return Execution.model_construct(id="1", target_cluster_id="north", node_cluster_id="north")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"restrictions": {"clusters": frozenset({"north"})}}, True),
        ({"restrictions": {"clusters": frozenset({"south"})}}, False),
        ({"restrictions": {"tenants": frozenset({"x"})}}, False),
        ({"outputs": False}, False),
        ({"role": KeyRole.VIEWER}, False),
        ({"role": None, "permissions": frozenset({"commands:read"})}, False),
        ({"role": None, "permissions": frozenset({"commands:tail"})}, True),
        ({"tenant": "another"}, False),
    ],
    ids=str,
)
def test_key_watches_what_it_may_read(execution, fields, expected):
    assert rules.may_watch(a_key(**fields), execution) is expected
