"""Secrets of a tenant: saved, changed, opened and counted, by several callers at once."""

import pytest

from chalicelib.kit.crypto import Secret
from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.kit.errors import NO_ZERO_BYTE, EdgeError, Kind, at_most_bytes
from chalicelib.kit.listing import NEWEST_FIRST, ListRequest
from chalicelib.kit.tables import Set, Update
from chalicelib.platform.quotas.rules import quota_exceeded
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from chalicelib.platform.secrets.model import VALUE_LIMIT_BYTES, NewSecret
from chalicelib.platform.secrets.rules import QUOTA, gone, unreadable, value_needed
from chalicelib.platform.secrets.service import Secrets
from chalicelib.platform.secrets.store import SECRETS
from chalicelib.platform.secrets.wiring import secrets_of
from chalicelib.platform.wiring import Platform
from tests.support.world import World

VALUE = "hunter2-hunter2"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def secrets(world):
    return secrets_of(world.platform, "acme")


def save(secrets, value: str | None = VALUE, name="db-password", description=None):
    return secrets.save(NewSecret(name, None if value is None else Secret(value), description))


def value_of(secrets, name="db-password"):
    return secrets.values([name])[name].reveal()


def refused(call, *arguments, **named):
    with pytest.raises(EdgeError) as error:
        call(*arguments, **named)
    return error.value


def used(world, tenant="acme"):
    return world.platform.quotas.used(tenant, [QUOTA])[QUOTA]


def test_value_is_sealed_in_its_row_and_given_to_who_names_it(world, secrets):
    made = save(secrets, description="of reports")

    assert (made.value_version, made.description, value_of(secrets)) == (1, "of reports", VALUE)
    assert VALUE not in repr(world.driver.rows(SECRETS)) + repr(made)
    assert secrets.get("db-password") == made


def test_changed_value_is_another_version_and_the_same_changes_nothing(world, secrets):
    save(secrets)
    writes = len(world.driver.records(SECRETS))
    assert save(secrets).version == 1
    assert len(world.driver.records(SECRETS)) == writes

    world.clock.advance(60)
    changed = save(secrets, "another-value")
    assert (changed.value_version, changed.value_changed_at) == (2, "2026-11-21T10:01:00Z")
    assert value_of(secrets) == "another-value"


def test_description_changes_without_the_value(secrets):
    save(secrets)
    changed = save(secrets, None, description="of reports")

    assert (changed.value_version, changed.version, value_of(secrets)) == (1, 2, VALUE)
    assert refused(save, secrets, None, "new").details == value_needed().details


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("", "cannot be empty"),
        ("é" * VALUE_LIMIT_BYTES, at_most_bytes(VALUE_LIMIT_BYTES)),
        ("hunter2\0", NO_ZERO_BYTE),
    ],
)
def test_value_that_no_program_can_be_given_is_refused_without_it(world, secrets, value, wrong):
    before = world.state()
    error = refused(save, secrets, value)

    assert (error.kind, error.details) == (Kind.VALIDATION_FAILED, {"value": [wrong]})
    assert world.state() == before


def test_secret_of_another_tenant_does_not_exist(world, secrets):
    save(secrets)
    others = secrets_of(world.platform, "other")

    assert others.missing(["db-password"]) == ["db-password"]
    assert refused(others.get, "db-password").kind is Kind.NOT_FOUND
    assert others.list_page(ListRequest(1, 10, NEWEST_FIRST, {})).items == []
    save(others, "theirs")
    assert (value_of(secrets), value_of(others)) == (VALUE, "theirs")


def test_secrets_are_listed_by_name_and_time(world, secrets):
    for name in ("b", "a", "c"):
        save(secrets, name=name)
        world.clock.advance(1)

    newest = secrets.list_page(ListRequest(1, 2, NEWEST_FIRST, {}))
    assert ([secret.name for secret in newest.items], newest.total_count) == (["c", "a"], 3)
    by_name = secrets.list_page(ListRequest(1, 10, (("name", False),), {"name": "a,b"}))
    assert [secret.name for secret in by_name.items] == ["a", "b"]


def test_two_that_make_it_at_once_make_one(world, secrets):
    world.driver.before_next(lambda: save(secrets, "first"), operation="TransactWriteItems", table=SECRETS)
    second = save(secrets, "second")

    assert (second.value_version, value_of(secrets), used(world)) == (2, "second", 1)


def test_change_of_a_secret_that_changes_meanwhile_is_a_version_more(world, secrets):
    save(secrets)
    world.driver.before_next(lambda: save(secrets, "first"), operation="UpdateItem", table=SECRETS)

    assert (save(secrets, "second").value_version, value_of(secrets)) == (3, "second")


def test_deleted_secret_is_gone_with_its_value(world, secrets):
    save(secrets)
    secrets.delete("db-password")

    assert (world.driver.rows(SECRETS), used(world)) == ([], 0)
    assert refused(secrets.delete, "db-password").kind is Kind.NOT_FOUND
    error = refused(value_of, secrets)
    assert (error.code, error.message) == ("secret_missing", gone("db-password").message)
    assert save(secrets).value_version == 1


def test_deletion_beside_a_change_deletes_and_beside_a_deletion_ends(world, secrets):
    save(secrets)
    world.driver.before_next(lambda: save(secrets, "x"), operation="TransactWriteItems", table=SECRETS)
    secrets.delete("db-password")
    assert used(world) == 0

    save(secrets)
    world.driver.before_next(lambda: secrets.delete("db-password"), operation="TransactWriteItems", table=SECRETS)
    secrets.delete("db-password")
    assert (world.driver.rows(SECRETS), used(world)) == ([], 0)


def test_more_than_the_quota_is_refused_and_a_deletion_makes_room(world):
    platform = world.platform
    tables, lists = platform.tables.scoped("acme"), platform.lists.scoped("acme")
    few = Secrets(tables, world.clock, platform.ids, platform.sealer, lists=lists, quotas=platform.quotas, limit=2)
    save(few, name="a")
    save(few, name="b")

    error = refused(save, few, name="c")
    assert (error.kind, error.message) == (Kind.FORBIDDEN, quota_exceeded(QUOTA, 2).message)
    save(few, "another", name="b")
    few.delete("a")
    assert save(few, name="c").value_version == 1


def test_recount_of_quotas_knows_the_secrets(world, secrets):
    save(secrets, name="a")
    save(secrets, name="b")
    world.sweep("recount")
    assert (used(world), [line for line in world.lines.records if line["event"] == "quota_corrected"]) == (2, [])

    wrong = Update(QUOTAS, {"quota": QUOTA}, (Set("used", 9),))
    world.platform.tables.scoped("acme").write(wrong, "quota.broken")
    world.sweep("recount")
    assert used(world) == 2


def test_value_of_a_dropped_data_key_can_be_saved_again(world, secrets):
    save(secrets)
    for row in world.driver.rows(DATA_KEYS):
        world.platform.sealer.keys.rotate()
        world.platform.sealer.keys.forget(row["key_id"])
    fresh = secrets_of(_restarted(world), "acme")

    error = refused(value_of, fresh)
    assert (error.kind, error.message) == (Kind.CONFLICT, unreadable("db-password").message)
    assert save(fresh).value_version == 2
    assert value_of(fresh) == VALUE


def _restarted(world):
    """The platform of another container: it knows no data key yet."""
    return Platform(world.platform.settings, world.platform.gateways, lambda: world.platform.families)


def test_blank_is_a_value(secrets):
    save(secrets, " ")
    assert value_of(secrets) == " "
