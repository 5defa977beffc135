"""The rules of tenants, roles and memberships."""

import pytest

from chalicelib.cloud.tenancy import rules
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.identity.model import Member


@pytest.mark.parametrize("slug", ["abc", "a-b-c", "0" * 63, "---"])
def test_slug_of_the_form_is_accepted(slug):
    assert rules.check_slug(slug) == slug


@pytest.mark.parametrize("slug", ["ab", "Abc", "a_b", "a b", "0" * 64, "abc\n", "äbc"])
def test_slug_of_another_form_is_refused_with_its_value(slug):
    with pytest.raises(EdgeError) as refused:
        rules.check_slug(slug)
    assert refused.value.details == {"slug": [f"{slug[:63]!r} is none: 3 to 63 of a to z, 0 to 9 and -"]}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ada Lovelace", "personal-ada-lovelace-8cad021e"),
        ("Žižka", "personal-i-ka-8cad021e"),
        ("李", "personal-8cad021e"),
        ("x" * 100, f"personal-{'x' * 30}-8cad021e"),
    ],
)
def test_personal_slug_is_a_slug_for_every_name(name, slug):
    made = rules.personal_slug(name, "01a1fd8c-9bc8-7fee-8afc-f6c88cad021e")
    assert rules.check_slug(made) == slug


@pytest.mark.parametrize(
    ("role", "giver", "is_allowed"),
    [
        ("viewer", "admin", True),
        ("admin", "admin", True),
        ("admin", "developer", False),
        ("owner", "admin", False),
        ("owner", "owner", True),
        ("developer", "developer", True),
        ("admin", "", False),
    ],
)
def test_role_is_given_only_by_one_that_is_not_below_it(role, giver, is_allowed):
    if is_allowed:
        rules.check_role(role, giver)
        return
    with pytest.raises(EdgeError) as refused:
        rules.check_role(role, giver)
    assert refused.value.kind is Kind.FORBIDDEN


def test_unknown_role_is_told_with_those_that_there_are():
    error = rules.unknown_role("king", ["viewer", "admin"])
    assert error.details == {"role": ["'king' is not a role: it is one of admin, viewer"]}


def test_second_owner_is_refused_and_the_owner_stays():
    rules.check_one_owner("owner", None)
    rules.check_one_owner("admin", "u-1")
    with pytest.raises(EdgeError, match="has an owner already"):
        rules.check_one_owner("owner", "u-1")
    with pytest.raises(EdgeError, match="keeps its place"):
        rules.check_not_owner(Member(tenant="t", user_id="u", role="owner", inserted_at=""))


def test_user_is_a_member_once_and_of_so_many_tenants():
    rules.check_new_member([str(number) for number in range(rules.MOST_TENANTS - 1)], "t")
    with pytest.raises(EdgeError, match="a member already"):
        rules.check_new_member(["t"], "t")
    with pytest.raises(EdgeError, match="18 tenants already"):
        rules.check_new_member([str(number) for number in range(rules.MOST_TENANTS)], "t")


def test_address_is_invited_once_at_a_time():
    rules.check_invitations(["bob@example.com"], "ada@example.com")
    with pytest.raises(EdgeError, match="an invitation of this address is open"):
        rules.check_invitations(["ada@example.com"], "ada@example.com")
    with pytest.raises(EdgeError, match="100 invitations are open"):
        rules.check_invitations([f"{number}@example.com" for number in range(100)], "ada@example.com")


def test_memory_is_counted_in_mb_and_a_part_of_a_gb_is_used_whole():
    assert [rules.of_counter("memory_gb", mb) for mb in (0, 512, 1024, 1025)] == [0, 1, 1, 2]
    assert (rules.in_counter("memory_gb", 2), rules.in_counter("vcpus", 2)) == (2048, 2)
