"""Rows of named keys, on the fake and on the emulator alike."""

from dataclasses import dataclass

import pytest

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.listing import ListRequest, Lists
from chalicelib.kit.tables import ConditionFailedError, Tables
from chalicelib.platform.access.model import ApiKey, PreviousHash
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.store import API_KEYS, KEY_LIST, ApiKeyStore
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import FakeClock, FakeIds


@dataclass
class Rows:
    tables: Tables
    clock: FakeClock
    ids: FakeIds

    @property
    def store(self):
        return ApiKeyStore(self.tables)

    def a_key(self, **fields):
        now = to_seconds_text(self.clock.now())
        given = {"name": "nightly", "role": KeyRole.VIEWER, "hash_key_sealed": b"sealed", "secret_hash": "first"}
        times = {"inserted_at": now, "updated_at": now}
        key = ApiKey(id=self.ids.uuid7(self.clock.now()), **{**given, **times, **fields})
        self.store.add(key, key)
        return key.model_copy(update={"version": 1})

    def rotate(self, key, secret_hash, previous=()):
        values = {"secret_hash": secret_hash, "previous": previous}
        return self.store.rotate(key, key.model_copy(update=values), None)

    def listed(self, **filters):
        page = Lists(self.tables, self.clock, 20_000).page(KEY_LIST, ListRequest(filters=filters))
        return [row["name"] for row in page.items]


@pytest.fixture(params=BOTH)
def rows(request):
    clock, ids = FakeClock(), FakeIds()
    with driver_for(request, [API_KEYS], clock) as driver:
        yield Rows(Tables(driver, clock, ids), clock, ids)


def test_key_is_read_as_it_was_written(rows):
    written = rows.a_key(
        role=None,
        permissions=("nodes:read",),
        restrictions={"clusters": {"c-1": "north"}},
        outputs=False,
        requests_per_minute=5,
        expires_at="2027-01-01T00:00:00Z",
    )
    assert rows.store.find(written.id) == written
    assert (written.version, written.permissions, written.outputs) == (1, ("nodes:read",), False)


def test_key_is_found_in_one_consistent_read(rows):
    key = rows.a_key()
    rows.tables.meter.reset()
    assert rows.store.find(key.id) == key
    assert (rows.tables.meter.count, rows.tables.meter.read_units) == (1, 1)


def test_unknown_key_is_none(rows):
    assert rows.store.find("nobody") is None
    assert rows.store.revoke("nobody", rows.clock.now()) is None
    assert rows.store.change("nobody", [("name", "x")], rows.clock.now()) is None


def test_changed_expiry_of_none_is_removed(rows):
    key = rows.a_key(expires_at="2027-01-01T00:00:00Z")
    changed = rows.store.change(key.id, [("name", "weekly"), ("expires_at", None)], rows.clock.now())
    assert (changed.name, changed.expires_at) == ("weekly", None)
    assert rows.store.find(key.id) == changed


class TestRotating:
    def test_rotation_replaces_the_secret_and_keeps_the_previous_ones(self, rows):
        key = rows.a_key()
        previous = (PreviousHash(hash="first", until="2026-12-01T00:00:00Z"),)
        assert rows.rotate(key, "second", previous)
        rotated = rows.store.find(key.id)
        assert (rotated.secret_hash, rotated.previous) == ("second", previous)
        assert rows.rotate(rotated, "third")
        assert rows.store.find(key.id).previous == ()

    def test_second_of_two_rotations_of_one_secret_finds_it_replaced(self, rows):
        key = rows.a_key()
        assert rows.rotate(key, "second")
        assert not rows.rotate(key, "other")
        assert rows.store.find(key.id).secret_hash == "second"

    def test_use_between_read_and_rotation_does_not_disturb_it(self, rows):
        key = rows.a_key()
        rows.store.note_use(key.id, rows.clock.now())
        assert rows.rotate(key, "second")


class TestRevoking:
    def test_revoked_key_stays_and_takes_no_change(self, rows):
        key = rows.a_key()
        revoked = rows.store.revoke(key.id, rows.clock.now())
        assert revoked.revoked_at == to_seconds_text(rows.clock.now())
        rows.clock.advance(60)
        assert rows.store.revoke(key.id, rows.clock.now()) is None
        assert rows.store.change(key.id, [("name", "x")], rows.clock.now()) is None
        assert not rows.rotate(key, "second")
        with pytest.raises(ConditionFailedError):
            rows.store.note_use(key.id, rows.clock.now())
        assert rows.store.find(key.id) == revoked


class TestUse:
    def test_use_is_written_once_a_minute(self, rows):
        key = rows.a_key()
        first = to_seconds_text(rows.clock.now())
        rows.store.note_use(key.id, rows.clock.now())
        rows.clock.advance(59)
        with pytest.raises(ConditionFailedError):
            rows.store.note_use(key.id, rows.clock.now())
        assert rows.store.find(key.id).last_used_at == first
        rows.clock.advance(1)
        rows.store.note_use(key.id, rows.clock.now())
        used = rows.store.find(key.id)
        assert (used.last_used_at, used.updated_at) == (to_seconds_text(rows.clock.now()), key.updated_at)

    def test_use_writes_no_index(self, rows):
        key = rows.a_key()
        rows.tables.meter.reset()
        rows.store.note_use(key.id, rows.clock.now())
        assert rows.tables.meter.write_units == 1


class TestLists:
    def test_filters_keep_the_keys_that_match(self, rows):
        rows.a_key(name="one", expires_at="2026-11-21T09:00:00Z")
        rows.a_key(name="two", role=None, permissions=("nodes:read",), expires_at="2027-01-01T00:00:00Z")
        three = rows.a_key(name="three", role=KeyRole.ADMIN)
        rows.store.note_use(three.id, rows.clock.now())
        rows.store.revoke(three.id, rows.clock.now())
        assert sorted(rows.listed()) == ["one", "three", "two"]
        assert rows.listed(name="t*", is_revoked=False) == ["two"]
        assert rows.listed(is_revoked=True) == ["three"]
        assert rows.listed(is_expired=True) == ["one"]
        assert rows.listed(has_expiry=False) == ["three"]
        assert rows.listed(role="admin") == ["three"]
        assert rows.listed(has_role=False) == ["two"]
        assert rows.listed(is_never_used=False) == ["three"]
        assert rows.listed(expires_at__gte="2026-12-01") == ["two"]
