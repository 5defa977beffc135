"""Rules of named keys: what is valid, what a caller may give, and which secrets are accepted."""

from datetime import timedelta

import pytest

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import BLANK, EdgeError, Kind
from chalicelib.platform.access import rules
from chalicelib.platform.access.model import ApiKey, NewApiKey, PreviousHash
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.principal import Principal, PrincipalKind, root
from tests.support.fakes.clock import START

READ = Permission("things:read", KeyRole.VIEWER)
MAKE = Permission("things:make", KeyRole.ADMIN)
KNOWN = {one.name: one for one in (READ, MAKE)}


def moment(seconds):
    return START + timedelta(seconds=seconds)


def text(seconds):
    return to_seconds_text(moment(seconds))


def a_key(**fields):
    given = {"id": "k", "name": "n", "inserted_at": text(0), "updated_at": text(0)}
    return ApiKey(**given, hash_key_sealed=b"sealed", secret_hash=fields.pop("secret_hash", "now"), **fields)


def caller(**fields):
    return Principal(kind=PrincipalKind.KEY, actor="key:c", id="c", name="caller", **fields)


class TestNewKeys:
    @pytest.mark.parametrize(
        ("fields", "field", "said"),
        [
            ({}, "role", "give either a role or a list of permissions, and not both"),
            (
                {"role": KeyRole.VIEWER, "permissions": ("things:read",)},
                "role",
                "give either a role or a list of permissions, and not both",
            ),
            (
                {"permissions": ("things:read", "things:raed")},
                "permissions",
                "unknown: things:raed. Allowed: things:make, things:read",
            ),
            ({"role": KeyRole.VIEWER, "name": " \t"}, "name", BLANK),
            ({"role": KeyRole.VIEWER, "expires_at": START}, "expires_at", rules.IN_THE_PAST),
        ],
    )
    def test_request_that_breaks_a_rule_is_refused_with_its_field(self, fields, field, said):
        wanted = NewApiKey(**{"name": "n", "restrictions": {}, **fields})
        with pytest.raises(EdgeError) as raised:
            rules.check_new(wanted, KNOWN, START)
        assert (raised.value.kind, raised.value.details) == (Kind.VALIDATION_FAILED, {field: [said]})

    @pytest.mark.parametrize("fields", [{"role": KeyRole.ADMIN}, {"permissions": ("things:read",)}])
    def test_request_with_a_role_or_a_list_is_valid(self, fields):
        rules.check_new(NewApiKey(name="n", restrictions={}, expires_at=moment(1), **fields), KNOWN, START)


class TestGrants:
    @pytest.mark.parametrize(
        ("by", "fields", "lacking"),
        [
            (caller(role=KeyRole.OPERATOR), {"role": KeyRole.ADMIN}, "the role admin"),
            (caller(permissions=frozenset(KNOWN)), {"role": KeyRole.VIEWER}, "the role viewer"),
            (
                caller(role=KeyRole.VIEWER),
                {"permissions": ("things:read", "things:make")},
                "the permissions things:make",
            ),
            (
                caller(permissions=frozenset({"things:read"})),
                {"permissions": ("things:make",)},
                "the permissions things:make",
            ),
            (caller(role=KeyRole.ADMIN), {"permissions": ("things:gone",)}, "the permissions things:gone"),
            (
                caller(role=KeyRole.ADMIN, restrictions={"clusters": frozenset({"a"})}),
                {"role": KeyRole.ADMIN},
                "a reach beyond its clusters",
            ),
            (
                caller(role=KeyRole.ADMIN, restrictions={"clusters": frozenset({"a"})}),
                {"role": KeyRole.ADMIN, "restrictions": {"clusters": {"a": "A", "b": "B"}}},
                "a reach beyond its clusters",
            ),
            (caller(role=KeyRole.ADMIN, outputs=False), {"role": KeyRole.VIEWER}, "reading outputs"),
            (
                caller(role=KeyRole.ADMIN, requests_per_minute=10),
                {"role": KeyRole.VIEWER},
                "more than 10 requests a minute",
            ),
            (
                caller(role=KeyRole.ADMIN, requests_per_minute=10),
                {"role": KeyRole.VIEWER, "requests_per_minute": 11},
                "more than 10 requests a minute",
            ),
            (caller(role=KeyRole.ADMIN, expires_at=text(9)), {"role": KeyRole.VIEWER}, f"a life beyond {text(9)}"),
            (
                caller(role=KeyRole.ADMIN, expires_at=text(9)),
                {"role": KeyRole.VIEWER, "expires_at": text(10)},
                f"a life beyond {text(9)}",
            ),
            (caller(role=KeyRole.ADMIN), {"role": KeyRole.VIEWER, "tenant": "other"}, "another tenant"),
        ],
    )
    def test_key_with_more_than_its_giver_is_forbidden(self, by, fields, lacking):
        with pytest.raises(EdgeError) as raised:
            rules.check_grant(a_key(**fields), by, KNOWN)
        assert raised.value.kind is Kind.FORBIDDEN
        assert raised.value.message == f"A key can only give what it has itself, which is not {lacking}"

    @pytest.mark.parametrize(
        ("by", "fields"),
        [
            (root("MASTER_KEY"), {"role": KeyRole.ADMIN}),
            (caller(role=KeyRole.ADMIN), {"role": KeyRole.ADMIN}),
            (caller(role=KeyRole.ADMIN), {"permissions": ("things:make",)}),
            (caller(permissions=frozenset({"things:read"})), {"permissions": ("things:read",)}),
            (
                caller(role=KeyRole.ADMIN, restrictions={"clusters": frozenset({"a", "b"})}),
                {"role": KeyRole.ADMIN, "restrictions": {"clusters": {"a": "A"}}},
            ),
            (caller(role=KeyRole.ADMIN, outputs=False), {"role": KeyRole.ADMIN, "outputs": False}),
            (
                caller(role=KeyRole.ADMIN, requests_per_minute=10, expires_at=text(9)),
                {"role": KeyRole.ADMIN, "requests_per_minute": 10, "expires_at": text(9)},
            ),
        ],
    )
    def test_key_with_as_much_as_its_giver_is_allowed(self, by, fields):
        rules.check_grant(a_key(**fields), by, KNOWN)


class TestSecrets:
    def test_replaced_secret_is_accepted_until_its_time(self):
        key = a_key(previous=(PreviousHash(hash="before", until=text(60)),))
        assert rules.accepted_hashes(key, moment(59)) == ["now", "before"]
        assert rules.accepted_hashes(key, moment(60)) == ["now"]

    def test_rotation_keeps_the_ends_of_earlier_rotations(self):
        key = a_key(previous=(PreviousHash(hash="before", until=text(60)), PreviousHash(hash="old", until=text(1))))
        kept = rules.after_rotation(key, 100, moment(10))
        assert [(one.hash, one.until) for one in kept] == [("now", text(110)), ("before", text(60))]

    def test_rotation_without_an_overlap_ends_all_secrets(self):
        key = a_key(previous=(PreviousHash(hash="before", until=text(60)),))
        assert rules.after_rotation(key, 0, moment(10)) == ()

    def test_rotation_beyond_the_most_secrets_is_a_conflict(self):
        many = tuple(PreviousHash(hash=str(at), until=text(60 + at)) for at in range(rules.MOST_PREVIOUS))
        with pytest.raises(EdgeError) as raised:
            rules.after_rotation(a_key(previous=many), 100, START)
        assert raised.value.kind is Kind.CONFLICT
        assert text(60) in raised.value.message

    def test_hashes_are_hidden_in_the_repr_of_a_key(self):
        key = a_key(secret_hash="a-hash", previous=(PreviousHash(hash="old-hash", until=text(60)),))
        assert "hash" not in repr(key).replace("PreviousHash", "")
        assert "sealed" not in repr(key)


class TestUse:
    @pytest.mark.parametrize(
        ("last_used_at", "is_due"), [(None, True), (text(0), True), (text(1), False), (text(90), False)]
    )
    def test_use_is_written_down_once_a_minute(self, last_used_at, is_due):
        assert rules.is_use_due(a_key(last_used_at=last_used_at), moment(60)) is is_due

    @pytest.mark.parametrize(
        ("fields", "is_usable"),
        [
            ({}, True),
            ({"expires_at": text(1)}, True),
            ({"expires_at": text(0)}, False),
            ({"revoked_at": text(0)}, False),
        ],
    )
    def test_key_is_usable_until_it_is_revoked_or_expires(self, fields, is_usable):
        assert rules.is_usable(a_key(**fields), START) is is_usable

    def test_principal_of_a_key_has_all_that_decides(self):
        key = a_key(
            permissions=("things:read",),
            restrictions={"clusters": {"a": "A"}},
            outputs=False,
            requests_per_minute=7,
            expires_at=text(9),
        )
        assert rules.principal_of(key) == Principal(
            kind=PrincipalKind.KEY,
            actor="key:k",
            id="k",
            name="n",
            permissions=frozenset({"things:read"}),
            restrictions={"clusters": frozenset({"a"})},
            outputs=False,
            requests_per_minute=7,
            expires_at=text(9),
        )
