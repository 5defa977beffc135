"""Rows of tenants, users, sessions and codes, on the fake and on the emulator alike."""

from datetime import timedelta

import pytest

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import Tables, TransactionFailedError
from chalicelib.platform.identity.model import Session, Subject, TenantFacts, User, Verification, facts_without_a_row
from chalicelib.platform.identity.session_store import SESSIONS, SessionStore, put_session, verify_session
from chalicelib.platform.identity.tenant_store import (
    TENANTS,
    TenantStore,
    end_tenant,
    facts_of,
    is_deleted,
    listed,
    own_tenant,
    put_tenant,
    set_quotas,
    touch_tenant,
)
from chalicelib.platform.identity.user_store import (
    ADDRESSES,
    MEMBERS,
    USERS,
    UserStore,
    change_memberships,
    change_role,
    forget_user,
    put_member,
    put_user,
    remove_member,
    stays_member,
)
from chalicelib.platform.identity.verification_store import VERIFICATIONS, VerificationStore, put_verification, use
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import FakeClock, FakeIds

ALL = [TENANTS, USERS, ADDRESSES, MEMBERS, SESSIONS, VERIFICATIONS]


class Rows:
    def __init__(self, tables, clock, ids):
        self.tables, self.clock, self.ids = tables, clock, ids

    @property
    def now(self):
        return self.clock.now()

    def new_id(self):
        return self.ids.uuid7(self.now)

    def a_user(self, email="ada@example.com"):
        at = to_seconds_text(self.now)
        names = {"alias": "ada", "full_name": "Ada Lovelace", "tenant": "t-1"}
        return User(id=self.new_id(), email=email, inserted_at=at, updated_at=at, **names)

    def a_session(self, user_id="u-1", **fields):
        at = to_seconds_text(self.now)
        given = {"tenant": "t-1", "name": "ada", "kind": "standard", "ip": "203.0.113.7", "user_agent": ""}
        ends = {"expires_at": to_seconds_text(self.now + timedelta(hours=1))}
        secret = {"hash_key_sealed": b"sealed", "secret_hash": "hash"}
        times = {"inserted_at": at, "updated_at": at}
        session = Session(id=self.new_id(), user_id=user_id, **{**given, **ends, **secret, **times, **fields})
        self.tables.commit([put_session(session, self.now)], "session.started")
        return session

    def a_code(self):
        given = {"subject": Subject.SESSION, "subject_id": "s-1", "address": "ada@example.com"}
        ends = to_seconds_text(self.now + timedelta(minutes=10))
        code = Verification(
            id=self.new_id(), inserted_at=to_seconds_text(self.now), expires_at=ends, code_sealed=b"sealed", **given
        )
        self.tables.commit([put_verification(code)], "session.started")
        return code


@pytest.fixture(params=BOTH)
def rows(request):
    clock, ids = FakeClock(), FakeIds()
    with driver_for(request, ALL, clock) as driver:
        yield Rows(Tables(driver, clock, ids), clock, ids)


def test_user_is_found_by_id_and_by_address(rows):
    user = rows.a_user()
    rows.tables.commit(put_user(user), "user.registered")
    store = UserStore(rows.tables)
    assert store.find(user.id) == user.model_copy(update={"version": 1})
    assert (store.id_of(user.email), store.id_of("bob@example.com")) == (user.id, None)


def test_second_user_of_an_address_is_not_written(rows):
    first, second = rows.a_user(), rows.a_user()
    rows.tables.commit(put_user(first), "user.registered")
    with pytest.raises(TransactionFailedError):
        rows.tables.commit(put_user(second), "user.registered")
    assert UserStore(rows.tables).find(second.id) is None


def test_members_are_those_of_their_tenant_oldest_first(rows):
    users = []
    for number, tenant in enumerate(("t-1", "t-2", "t-1")):
        user = rows.a_user(f"{number}@example.com")
        rows.tables.commit([*put_user(user), put_member(tenant, user.id, "owner", rows.now)], "user.registered")
        users.append(user)
        rows.clock.advance(1)
    members = UserStore(rows.tables).members("t-1")
    assert {place.tenant for place, _ in members} == {"t-1"}
    assert [user for _, user in members] == [user.model_copy(update={"version": 1}) for user in (users[0], users[2])]


def test_tenant_has_what_was_changed_and_otherwise_the_default(rows):
    facts = TenantFacts(id="t-1", name="Example Works", tier="")
    rows.tables.commit([put_tenant(facts, "u-1", rows.now)], "user.registered")
    store = TenantStore(rows.tables)

    def known():
        return facts_of(store.find("t-1"), facts_without_a_row("t-1", "free"))

    assert known() == TenantFacts(id="t-1", name="Example Works", tier="free")
    store.change("t-1", {"tier": "pro", "clusters": listed(["south", "north"])}, rows.now)
    assert known() == TenantFacts(id="t-1", name="Example Works", tier="pro", clusters=frozenset({"north", "south"}))


def test_session_is_verified_until_it_is_revoked_or_ends(rows):
    store, session = SessionStore(rows.tables), rows.a_session()
    assert store.find(session.id) == session
    later = rows.now + timedelta(hours=2)
    assert not store.extend(session.id, later, rows.now)
    rows.tables.commit([verify_session(session.id, session.expires_at, rows.now)], "session.verified")
    assert store.find(session.id).verified
    assert store.extend(session.id, later, rows.now)
    assert store.find(session.id).expires_at == to_seconds_text(later)
    assert [store.revoke(session.id, rows.now) for _ in range(2)] == [True, False]
    assert not store.extend(session.id, later, rows.now)
    with pytest.raises(TransactionFailedError):
        rows.tables.commit([verify_session(session.id, session.expires_at, rows.now)], "session.verified")


def test_session_that_has_ended_is_neither_verified_nor_extended(rows):
    store, session = SessionStore(rows.tables), rows.a_session()
    rows.clock.advance(3600)
    with pytest.raises(TransactionFailedError):
        rows.tables.commit([verify_session(session.id, session.expires_at, rows.now)], "session.verified")
    assert not store.extend(session.id, rows.now + timedelta(hours=1), rows.now)


def test_sessions_of_a_user_are_listed_newest_first(rows):
    mine = []
    for user_id in ("u-1", "u-2", "u-1"):
        session = rows.a_session(user_id)
        mine += [session.id] if user_id == "u-1" else []
        rows.clock.advance(1)
    assert [one.id for one in SessionStore(rows.tables).of_user("u-1")] == mine[::-1]


def test_tries_of_a_code_are_counted_up_to_five(rows):
    store, code = VerificationStore(rows.tables), rows.a_code()
    told = [store.count_try(code.id, Subject.SESSION, rows.now) for _ in range(6)]
    assert [(known.tries, is_counted) for known, is_counted in told] == [
        *((number, True) for number in range(1, 6)),
        (5, False),
    ]


def test_code_of_another_kind_or_time_counts_no_try(rows):
    store, code = VerificationStore(rows.tables), rows.a_code()
    assert store.count_try(code.id, Subject.KEY, rows.now)[1] is False
    assert store.count_try(rows.new_id(), Subject.SESSION, rows.now) == (None, False)
    rows.clock.advance(600)
    assert store.count_try(code.id, Subject.SESSION, rows.now)[1] is False
    assert store.find(code.id).tries == 0


def test_used_code_is_gone_and_cannot_be_used_again(rows):
    store, code = VerificationStore(rows.tables), rows.a_code()
    rows.tables.commit([use(code.id, rows.now)], "session.verified")
    assert (store.find(code.id).code_sealed, store.find(code.id).used_at) == (None, to_seconds_text(rows.now))
    with pytest.raises(TransactionFailedError):
        rows.tables.commit([use(code.id, rows.now)], "session.verified")
    assert store.count_try(code.id, Subject.SESSION, rows.now)[1] is False


def test_mailed_code_says_when(rows):
    store, code = VerificationStore(rows.tables), rows.a_code()
    store.note_mailed(code.id, rows.now)
    first = store.find(code.id).mailed_at
    rows.clock.advance(5)
    store.note_mailed(code.id, rows.now)
    assert store.find(code.id).mailed_at == first == to_seconds_text(rows.now - timedelta(seconds=5))


class TestMemberships:
    @pytest.fixture
    def user(self, rows):
        user = rows.a_user()
        rows.tables.commit([*put_user(user), put_member("t-1", user.id, "admin", rows.now)], "user.registered")
        return UserStore(rows.tables).find(user.id)

    def test_user_without_a_list_is_a_member_of_its_one_tenant(self, rows, user):
        assert user.member_of == ("t-1",)
        assert UserStore(rows.tables).member("t-1", user.id).role == "admin"
        assert UserStore(rows.tables).member("t-2", user.id) is None

    def test_memberships_change_only_as_they_were_read(self, rows, user):
        change = change_memberships(user, ("t-1", "t-2"), "t-2", rows.now)
        assert rows.tables.try_write(change, "user.moved")
        moved = UserStore(rows.tables).find(user.id)
        assert (moved.member_of, moved.tenant) == (("t-1", "t-2"), "t-2")
        assert not rows.tables.try_write(change, "user.moved")

    def test_role_changes_and_ends_only_as_it_was_read(self, rows, user):
        store = UserStore(rows.tables)
        rows.tables.write(put_member("t-2", user.id, "owner", rows.now), "user.joined")
        read = store.member("t-1", user.id)
        rows.tables.commit([stays_member(read)], "member.looked_at")
        assert rows.tables.try_write(change_role(read, "viewer"), "member.changed")
        assert not rows.tables.try_write(change_role(read, "admin"), "member.changed")
        with pytest.raises(TransactionFailedError):
            rows.tables.commit([stays_member(read)], "member.looked_at")
        assert not rows.tables.try_write(remove_member("t-1", user.id, "admin"), "tenant.left")
        assert rows.tables.try_write(remove_member("t-1", user.id, "viewer"), "tenant.left")
        assert [member.tenant for tenant in ("t-1", "t-2") for member in store.members_in(tenant)] == ["t-2"]

    def test_forgotten_user_is_gone_with_its_address(self, rows, user):
        store = UserStore(rows.tables)
        rows.tables.commit(forget_user(user, rows.now), "user.deleted")
        assert (store.find(user.id), store.id_of(user.email), store.find_many([user.id])) == (None, None, [])
        kept = rows.tables.get(USERS, {"id": user.id})
        assert set(kept) == {"id", "deleted_at", "inserted_at", "updated_at", "version", "changed_by"}
        with pytest.raises(TransactionFailedError):
            rows.tables.commit(forget_user(user, rows.now), "user.deleted")


class TestTenantRows:
    @pytest.fixture
    def tenant(self, rows):
        facts = TenantFacts(id="t-1", name="Engines", tier="")
        rows.tables.commit([put_tenant(facts, "", rows.now, "engines")], "tenant.created")
        return TenantStore(rows.tables).find("t-1")

    def test_tenant_gets_one_owner(self, rows, tenant):
        assert "owner" not in tenant
        assert rows.tables.try_write(own_tenant("t-1", "u-1", rows.now), "tenant.joined")
        assert not rows.tables.try_write(own_tenant("t-1", "u-2", rows.now), "tenant.joined")
        assert TenantStore(rows.tables).find("t-1")["owner"] == "u-1"

    def test_tenant_ends_as_it_was_read_and_takes_no_member_after(self, rows, tenant):
        assert rows.tables.try_write(touch_tenant("t-1", rows.now), "tenant.joined")
        assert not rows.tables.try_write(end_tenant(tenant, rows.now), "tenant.deleted")
        current = TenantStore(rows.tables).find("t-1")
        assert rows.tables.try_write(end_tenant(current, rows.now), "tenant.deleted")
        ended = TenantStore(rows.tables).find("t-1")
        assert (is_deleted(ended), {"name", "slug", "owner"} & {*ended}) == (True, set())
        for write in (touch_tenant("t-1", rows.now), own_tenant("t-1", "u-1", rows.now), touch_tenant("t-9", rows.now)):
            assert not rows.tables.try_write(write, "tenant.joined")

    def test_quotas_change_only_as_they_were_read(self, rows, tenant):
        assert rows.tables.try_write(set_quotas(tenant, {"vcpus": 8}, rows.now), "tenant.granted")
        assert not rows.tables.try_write(set_quotas(tenant, {"vcpus": 9}, rows.now), "tenant.granted")
        assert TenantStore(rows.tables).find("t-1")["quotas"] == {"vcpus": 8}
