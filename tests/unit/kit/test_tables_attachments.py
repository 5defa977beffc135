"""A write that is attached to the effect of the current work, on both drivers."""

from contextlib import contextmanager

import pytest

from chalicelib.kit.tables import (
    TRANSACTION_LIMIT,
    Absent,
    Add,
    Attachment,
    AttachmentRefusedError,
    ConditionFailedError,
    Equals,
    Set,
    Tables,
    TransactionFailedError,
    Update,
    attaching,
    put_new,
)
from tests.unit.kit.sample_tables import LINES, THINGS

NOTE = {"book": "notes", "number": 1}
ONE = {"id": "one"}


@contextmanager
def noting():
    """A note of the effect's result is attached."""
    attachment = Attachment(lambda result: put_new(LINES, {**NOTE, "text": str(result)}))
    with attaching(attachment):
        yield attachment


def note(tables):
    row = tables.get(LINES, NOTE)
    return None if row is None else row["text"]


def test_effect_and_note_are_committed_together(tables: Tables):
    with noting() as attachment:
        tables.commit([put_new(THINGS, ONE)], "thing.created", result="made")
    assert (note(tables), attachment.is_written) == ("made", True)
    row = tables.get(LINES, NOTE)
    assert row is not None
    assert row["changed_by"] == (tables.get(THINGS, ONE) or {})["changed_by"]


def test_result_of_none_is_a_result(tables: Tables):
    with noting():
        tables.commit([put_new(THINGS, ONE)], "thing.created", result=None)
    assert note(tables) == "None"


def test_writes_without_a_result_attach_nothing(tables: Tables):
    with noting() as attachment:
        tables.commit([put_new(THINGS, ONE)], "thing.created")
        tables.write(put_new(THINGS, {"id": "two"}), "thing.created")
    assert (note(tables), attachment.is_written) == (None, False)


def test_work_on_the_side_attaches_nothing(tables: Tables):
    with noting() as attachment, attaching(None):
        tables.commit([put_new(THINGS, ONE)], "thing.created", result="aside")
    assert (note(tables), attachment.is_written) == (None, False)


def test_refused_note_stops_the_effect_with_an_error_of_its_own(tables: Tables):
    tables.write(put_new(LINES, {**NOTE, "text": "first"}), "line.created")
    with noting() as attachment, pytest.raises(AttachmentRefusedError):
        tables.commit([put_new(THINGS, ONE)], "thing.created", result="second")
    assert (note(tables), tables.get(THINGS, ONE), attachment.is_written) == ("first", None, False)


def test_refused_note_outranks_a_refused_effect(tables: Tables):
    tables.write(put_new(LINES, {**NOTE, "text": "first"}), "line.created")
    tables.write(put_new(THINGS, ONE), "thing.created")
    with noting(), pytest.raises(AttachmentRefusedError):
        tables.commit([put_new(THINGS, ONE)], "thing.created", result="second")


def test_refused_effect_keeps_its_indexes_and_writes_no_note(tables: Tables):
    tables.write(put_new(THINGS, ONE), "thing.created")
    with noting(), pytest.raises(TransactionFailedError) as failure:
        tables.commit([put_new(THINGS, {"id": "two"}), put_new(THINGS, ONE)], "thing.created", result="made")
    assert set(failure.value.failed) == {1}
    assert note(tables) is None


def test_note_is_made_anew_for_each_attempt(tables: Tables):
    tables.write(put_new(THINGS, ONE), "thing.created")
    with noting():
        with pytest.raises(TransactionFailedError):
            tables.commit([put_new(THINGS, ONE)], "thing.created", result="first")
        tables.commit([put_new(THINGS, {"id": "two"})], "thing.created", result="second")
    assert note(tables) == "second"


def test_second_effect_of_the_same_work_is_refused_as_a_mistake(tables: Tables):
    with noting():
        tables.commit([put_new(THINGS, ONE)], "thing.created", result="made")
        with pytest.raises(RuntimeError, match="second one"):
            tables.commit([put_new(THINGS, {"id": "two"})], "thing.created", result="made")
    assert tables.get(THINGS, {"id": "two"}) is None


def test_single_write_is_applied_together_with_its_note(tables: Tables):
    tables.write(put_new(THINGS, {**ONE, "size": 1}), "thing.created")
    with noting():
        tables.apply(Update(THINGS, ONE, (Add("size", 1),), Equals("size", 1)), "thing.grown", result="grown")
    row = tables.get(THINGS, ONE)
    assert row is not None
    assert (row["size"], row["version"], note(tables)) == (2, 2, "grown")


def test_single_write_with_a_failed_condition_names_the_row(tables: Tables):
    tables.write(put_new(THINGS, {**ONE, "size": 1}), "thing.created")
    with noting(), pytest.raises(ConditionFailedError) as failure:
        tables.apply(Update(THINGS, ONE, (Set("size", 3),), Equals("size", 2)), "thing.grown", result="grown")
    assert (failure.value.current or {})["size"] == 1
    assert note(tables) is None


def test_single_write_without_an_attachment_is_one_plain_write(fake_tables: Tables):
    fake_tables.meter.reset()
    fake_tables.apply(put_new(THINGS, ONE), "thing.created", result="made")
    assert [call.operation for call in fake_tables.meter.calls] == ["PutItem"]


def test_note_counts_as_one_of_the_writes_of_a_transaction(fake_tables: Tables):
    writes = [put_new(THINGS, {"id": str(number)}) for number in range(TRANSACTION_LIMIT)]
    with noting(), pytest.raises(ValueError, match="at most 100 writes, not 101"):
        fake_tables.commit(writes, "thing.created", result="made")


@pytest.mark.parametrize("tokens_honoured", [True, False])
def test_lost_answer_of_effect_and_note_counts_as_written(fake, fake_tables, tokens_honoured):
    fake.tokens_honoured = tokens_honoured
    fake.fail_next(1, "lost_answer", operation="TransactWriteItems")
    with noting() as attachment:
        fake_tables.apply(Update(THINGS, ONE, (Add("size", 1),), Absent("size")), "thing.grown", result="grown")
    row = fake_tables.get(THINGS, ONE)
    assert row is not None
    assert (row["size"], note(fake_tables), attachment.is_written) == (1, "grown", True)
