"""Denials: a thing that is found is looked at by its own id and names."""

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.finding import check_found
from chalicelib.platform.access.denials import holding_denials
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.policy_rules import Effect, Statement
from chalicelib.platform.access.principal import Principal, PrincipalKind, Resource, Scope, decide

READ = Permission("things:read", KeyRole.VIEWER)
THING, OTHER = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02101", "01a1fd8c-9bc8-7fee-8afc-f6c8cad02102"


def caller(*patterns, action="things:read", **conditions):
    denial = Statement(Effect.DENY, (action,), patterns, conditions)
    return Principal(kind=PrincipalKind.KEY, tenant="0198", role=KeyRole.ADMIN, statements=(denial,))


def is_denied(principal, *texts):
    with holding_denials(principal, READ, {}):
        try:
            check_found(*texts)
        except EdgeError as error:
            return error.kind is Kind.FORBIDDEN
    return False


@pytest.mark.parametrize(
    "pattern",
    [THING, f"things:{THING}", f"arn:thecloud:things:local:0198:things/{THING}", "things:01a1fd8c-9bc8*", "backups"],
)
def test_thing_is_denied_by_its_id_or_a_name_of_it(pattern):
    assert is_denied(caller(pattern), THING, "backups")


@pytest.mark.parametrize("pattern", [OTHER, f"rooms:{THING}", "things:photos", "*photos"])
def test_thing_that_no_denial_names_is_not_denied(pattern):
    assert not is_denied(caller(pattern), THING, "backups")


def test_denial_of_another_action_or_under_another_condition_is_none():
    assert not is_denied(caller(THING, action="things:write"), THING)
    assert not is_denied(caller(THING, StringEquals={"aws:UserId": "u9"}), THING)


def test_thing_is_not_denied_outside_of_a_request():
    assert is_denied(caller(THING), THING)
    check_found(THING)


def test_denials_of_a_second_action_stand_beside_those_of_the_first():
    write = Permission("things:write", KeyRole.ADMIN)
    with (
        holding_denials(caller(THING), READ, {}),
        holding_denials(caller(OTHER, action=write.name), write, {}),
    ):
        for denied in (THING, OTHER):
            with pytest.raises(EdgeError):
                check_found(denied)


def test_id_in_a_path_is_decided_in_any_letter_case():
    for wanted in (THING, THING.upper()):
        assert not decide(caller(THING), READ, Resource("", Scope.TENANT, wanted), {}).is_allowed
