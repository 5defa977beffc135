"""Records of answered requests, on the fake and on the emulator alike."""

import random

import pytest

from chalicelib.kit.crypto import Sealer
from chalicelib.kit.data_keys import DATA_KEYS, UnsealError
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.log import Log
from chalicelib.kit.tables import Attachment, AttachmentRefusedError, Tables, attaching, put_new
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.idempotency.model import Answer, Asked
from chalicelib.platform.idempotency.service import Idempotency
from chalicelib.platform.idempotency.store import KEPT, TABLE
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.aws import FakeKeyService
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.log import Lines

ASKED = Asked("record", "digest")
ANSWERED = Answer(201, {"location": "/things/1"}, '{"data":{"id":"1","name":"Ä"}}')


class Records(Idempotency):
    def __init__(self, driver):
        self.clock, ids = FakeClock(), FakeIds()
        self.tables = Tables(driver, self.clock, ids)
        sealer = Sealer(self.tables, FakeKeyService(), self.clock, ids, "test")
        super().__init__(self.tables, self.tables, self.clock, sealer, Log(Lines(), self.clock))

    def effect(self, row_id, asked=ASKED, answer=ANSWERED):
        """An effect whose record is part of its transaction."""
        with attaching(Attachment(lambda _: self.write_of(asked, answer))):
            self.tables.commit([put_new(TASKS, {"id": row_id})], "thing.done", result=None)


@pytest.fixture(params=BOTH)
def records(request):
    with driver_for(request, [TABLE, DATA_KEYS, TASKS], FakeClock()) as driver:
        yield Records(driver)


def test_answer_is_found_as_it_was_kept(records):
    assert records.find(ASKED) is None
    records.effect("one")
    assert records.find(ASKED) == ANSWERED


def test_record_of_another_request_is_a_conflict(records):
    records.effect("one")
    with pytest.raises(EdgeError) as refused:
        records.find(Asked(ASKED.record_id, "another digest"))
    assert refused.value.code == "idempotency_key_reused"


def test_second_effect_under_a_record_is_not_made(records):
    records.effect("one")
    with pytest.raises(AttachmentRefusedError):
        records.effect("two")
    assert records.tables.get(TASKS, {"id": "two"}) is None
    assert not records.add(records.write_of(ASKED, ANSWERED))


def test_record_that_has_ended_is_replaced(records):
    records.effect("one")
    records.clock.advance(KEPT.total_seconds())
    assert records.find(ASKED) is None
    later = Answer(200, {}, "later")
    records.effect("two", answer=later)
    assert records.find(ASKED) == later


def test_record_is_kept_until_its_last_second(records):
    records.effect("one")
    records.clock.advance(KEPT.total_seconds() - 1)
    assert records.find(ASKED) == ANSWERED
    with pytest.raises(AttachmentRefusedError):
        records.effect("two")


def test_sealed_answer_does_not_open_in_another_row(records):
    records.effect("one")
    row = records.tables.get(TABLE, {"id": ASKED.record_id})
    records.tables.write(put_new(TABLE, {**row, "id": "stolen"}), "test")
    with pytest.raises(UnsealError):
        records.find(Asked("stolen", ASKED.digest))


def test_largest_answer_fits_into_a_row_and_a_larger_one_is_not_kept(records):
    chance = random.Random(3)
    fits, too_large = (
        Answer(201, {}, "".join(chr(chance.randrange(0x20, 0x7F)) for _ in range(size))) for size in (400_000, 500_000)
    )
    records.effect("one", answer=fits)
    assert records.find(ASKED) == fits
    other = Asked("other", "digest")
    records.effect("two", other, too_large)
    with pytest.raises(EdgeError) as refused:
        records.find(other)
    assert refused.value.code == "already_answered"


def test_record_without_a_key_ends_soon_and_when_it_is_forgotten(records):
    asked = Asked("unnamed", "digest", unnamed_seconds=30)
    records.effect("a", asked)
    assert records.find(asked) == ANSWERED
    records.forget(asked)
    assert records.find(asked) is None
    records.effect("b", asked)
    records.clock.advance(30)
    assert records.find(asked) is None
