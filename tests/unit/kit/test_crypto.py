import copy
import logging
import pickle
import traceback

import pytest

from chalicelib.kit.clock import Clock
from chalicelib.kit.crypto import Sealer, Secret, associated_data, digest, key_id_of, same
from chalicelib.kit.data_keys import DATA_KEYS, KmsKeyService, RotatedMeanwhileError, UnsealError
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Set, Tables, Update
from tests.support.fakes.aws import FakeKeyService
from tests.support.fakes.dynamo import FakeDynamo
from tests.unit.kit.sample_tables import THINGS

PLACE = associated_data(THINGS, "one", "token")


@pytest.fixture
def store(clock) -> FakeDynamo:
    return FakeDynamo([DATA_KEYS], clock)


@pytest.fixture
def keys() -> FakeKeyService:
    return FakeKeyService()


def sealer_on(store: FakeDynamo, keys, clock: Clock, ids: Ids, stage: str = "test") -> Sealer:
    return Sealer(Tables(store, clock, ids), keys, clock, ids, stage)


@pytest.fixture
def sealer(store, keys, clock, ids) -> Sealer:
    return sealer_on(store, keys, clock, ids)


def test_secret_is_hidden_in_text_logs_and_copies(caplog):
    secret = Secret("hunter2")
    logging.getLogger("test").warning("%s %r", secret, [secret])
    shown = f"{secret} {secret!r} {[secret]}" + caplog.text
    assert "hunter2" not in shown
    assert secret.reveal() == "hunter2"
    for copier in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not serialised"):
            copier(secret)


def test_secrets_compare_by_text():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_digest_is_sha256():
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1


def test_texts_are_compared_for_equality_by_content_and_length():
    assert same("ä", "ä")
    assert not same("a", "b")
    assert not same("a", "aa")


def test_sealed_text_opens_again_and_does_not_contain_the_plain_text(sealer):
    sealed = sealer.seal("hunter2 ä", PLACE)
    assert sealer.open(sealed, PLACE).reveal() == "hunter2 ä"
    assert b"hunter2" not in sealed
    assert len(sealed) == 16 + 12 + len("hunter2 ä".encode()) + 16
    assert sealer.open(sealer.seal("", PLACE), PLACE).reveal() == ""


def test_same_text_sealed_twice_gives_different_bytes(sealer):
    assert len({sealer.seal("hunter2", PLACE) for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "place",
    [
        associated_data(THINGS, "two", "token"),
        associated_data(THINGS, "one", "password"),
        associated_data(DATA_KEYS, "one", "token"),
    ],
)
def test_sealed_text_opens_only_in_its_place(sealer, place):
    with pytest.raises(UnsealError):
        sealer.open(sealer.seal("hunter2", PLACE), place)


def test_sealed_text_with_any_byte_changed_is_refused(sealer):
    sealed = sealer.seal("hunter2", PLACE)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(UnsealError) as failure:
            sealer.open(bytes(changed), PLACE)
        assert "hunter2" not in "".join(traceback.format_exception(failure.value))


@pytest.mark.parametrize("length", [0, 15, 16, 27, 28, 43])
def test_truncated_sealed_text_is_refused(sealer, length):
    with pytest.raises(UnsealError):
        sealer.open(sealer.seal("", PLACE)[:length], PLACE)


def test_container_unwraps_its_data_key_once(store, sealer, keys):
    for _ in range(3):
        sealer.open(sealer.seal("hunter2", PLACE), PLACE)
    assert (keys.generated, keys.unwrapped) == (1, 1)
    assert store.meter.count == 2


def test_two_containers_use_the_same_data_key(store, keys, clock, ids, sealer):
    sealed = sealer.seal("hunter2", PLACE)
    other = sealer_on(store, keys, clock, ids)
    assert other.open(sealed, PLACE).reveal() == "hunter2"
    assert keys.generated == 1


def test_mark_of_a_text_is_that_of_the_data_key_in_each_container(store, keys, clock, ids, sealer):
    mark = sealer.mark("a guess")
    assert sealer_on(store, keys, clock, ids).mark("a guess") == mark
    assert sealer.mark("another guess") != mark
    assert mark != digest("a guess")
    sealer.keys.rotate()
    clock.advance(seconds=301)
    assert sealer.mark("a guess") != mark


def test_concurrent_first_data_keys_leave_one_that_both_containers_use(store, keys, clock, ids):
    store.latency(0.01)
    one, two = sealer_on(store, keys, clock, ids), sealer_on(store, keys, clock, ids)
    sealed = clock.run_together([lambda: one.seal("from one", PLACE), lambda: two.seal("from two", PLACE)])
    assert keys.generated == 2
    assert len(store.rows(DATA_KEYS)) == 1
    assert [one.open(part, PLACE).reveal() for part in sealed] == ["from one", "from two"]
    assert [two.open(part, PLACE).reveal() for part in sealed] == ["from one", "from two"]


def test_first_data_key_whose_answer_was_lost_is_kept(store, sealer, keys):
    store.fail_next(1, "lost_answer")
    assert sealer.open(sealer.seal("hunter2", PLACE), PLACE).reveal() == "hunter2"
    assert keys.generated == 1


def test_data_key_row_does_not_contain_the_plain_key(store, sealer):
    sealer.seal("hunter2", PLACE)
    (row,) = store.rows(DATA_KEYS)
    plain = FakeKeyService().generate({}).plain
    assert row["wrapped"].startswith(b"wrapped:")
    assert plain not in b"".join(value for value in row.values() if isinstance(value, bytes))


def test_damaged_data_key_row_is_refused(store, sealer, clock, ids):
    sealer.seal("hunter2", PLACE)
    damage = Update(DATA_KEYS, {"id": "current"}, (Set("key_id", "text"),))
    Tables(store, clock, ids).write(damage, "damaged")
    with pytest.raises(UnsealError, match="damaged"):
        sealer_on(store, FakeKeyService(), clock, ids).seal("x", PLACE)


def test_data_key_of_another_stage_is_not_unwrapped(store, sealer, keys, clock, ids):
    sealer.seal("hunter2", PLACE)
    with pytest.raises(PermissionError):
        sealer_on(store, keys, clock, ids, stage="other").seal("x", PLACE)


class TestRotation:
    def test_rotated_key_seals_and_the_old_key_still_opens(self, store, keys, clock, ids, sealer):
        old = sealer.seal("hunter2", PLACE)
        new_id = sealer_on(store, keys, clock, ids).keys.rotate()
        other = sealer_on(store, keys, clock, ids)
        new = other.seal("hunter2", PLACE)
        assert key_id_of(new) == new_id != key_id_of(old)
        assert [other.open(sealed, PLACE).reveal() for sealed in (old, new, old)] == ["hunter2"] * 3

    def test_container_with_the_old_key_opens_text_sealed_with_the_new_key(self, store, keys, clock, ids, sealer):
        sealer.seal("hunter2", PLACE)
        other = sealer_on(store, keys, clock, ids)
        other.keys.rotate()
        assert sealer.open(other.seal("new", PLACE), PLACE).reveal() == "new"

    def test_container_seals_with_a_rotated_key_after_five_minutes(self, store, keys, clock, ids, sealer):
        old = key_id_of(sealer.seal("hunter2", PLACE))
        new = sealer_on(store, keys, clock, ids).keys.rotate()
        clock.advance(299)
        assert key_id_of(sealer.seal("hunter2", PLACE)) == old
        clock.advance(1)
        assert key_id_of(sealer.seal("hunter2", PLACE)) == new

    def test_refreshing_the_data_key_costs_one_read_and_no_kms_call(self, store, keys, clock, sealer):
        sealer.seal("hunter2", PLACE)
        store.meter.reset()
        clock.advance(300)
        sealer.seal("hunter2", PLACE)
        assert (store.meter.count, keys.unwrapped) == (1, 1)

    def test_rotation_without_a_data_key_makes_the_first(self, store, sealer):
        key_id = sealer.keys.rotate()
        assert key_id_of(sealer.seal("hunter2", PLACE)) == key_id
        assert len(store.rows(DATA_KEYS)) == 1

    def test_concurrent_rotations_have_one_winner_and_keep_every_key(self, store, keys, clock, ids, sealer):
        old = sealer.seal("hunter2", PLACE)
        store.latency(0.01)
        outcomes = clock.run_together([lambda: _rotated(sealer_on(store, keys, clock, ids)) for _ in range(2)])
        assert sorted(outcome is None for outcome in outcomes) == [False, True]
        assert len(store.rows(DATA_KEYS)) == 2
        assert sealer_on(store, keys, clock, ids).open(old, PLACE).reveal() == "hunter2"

    def test_rotation_whose_answer_was_lost_rotates_once(self, store, sealer):
        sealer.seal("hunter2", PLACE)
        store.fail_next(1, "lost_answer")
        new = sealer.keys.rotate()
        assert sealer.keys.newest(fresh=True).id == new
        assert len(store.rows(DATA_KEYS)) == 2

    def test_forgotten_key_opens_nothing_and_the_newest_is_not_forgettable(self, store, keys, clock, ids, sealer):
        old = sealer.seal("hunter2", PLACE)
        new = sealer.keys.rotate()
        sealer.keys.forget(key_id_of(old))
        sealer.keys.forget(new)
        other = sealer_on(store, keys, clock, ids)
        with pytest.raises(UnsealError, match="not kept"):
            other.open(old, PLACE)
        assert other.open(other.seal("hunter2", PLACE), PLACE).reveal() == "hunter2"

    def test_data_key_age_shows_when_it_was_made_and_replaced(self, clock, sealer):
        old = key_id_of(sealer.seal("hunter2", PLACE))
        clock.advance(60)
        new = sealer.keys.rotate()
        assert sealer.keys.age_of(old)[1:] == ("2026-11-21T10:00:00Z", "2026-11-21T10:01:00Z")
        assert sealer.keys.age_of(new)[1:] == ("2026-11-21T10:01:00Z", None)
        assert sealer.keys.age_of(b"x" * 16) is None


def _rotated(sealer):
    try:
        return sealer.keys.rotate()
    except RotatedMeanwhileError:
        return None


def test_data_keys_work_on_the_kms_interface_of_the_emulator(emulator, store, clock, ids):
    kms = emulator.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = sealer_on(store, KmsKeyService(lambda: kms, key_id), clock, ids).seal("hunter2", PLACE)
    other = sealer_on(store, KmsKeyService(lambda: kms, key_id), clock, ids)
    assert other.open(sealed, PLACE).reveal() == "hunter2"
    with pytest.raises(kms.exceptions.ClientError):
        sealer_on(store, KmsKeyService(lambda: kms, key_id), clock, ids, stage="other").open(sealed, PLACE)
