"""Every operation that takes an Idempotency-Key, from the table of operations: its record is part of its effect."""

from collections import Counter

import pytest

from chalicelib.platform.idempotency.store import TABLE
from chalicelib.platform.limits.store import LIMITS
from chalicelib.web.operation_table import every_operation
from tests.support.fakes.dynamo import Crash
from tests.support.operations import one_of_each, operations_of

KEYED = [row for row in every_operation() if row.takes_idempotency_key]
HEADERS = {"Idempotency-Key": "9e0f6f0a-1b2c-4c5d-8e7f-1a2b3c4d5e6f"}
ANOTHER_BODY = {"create_key_pair": {"name": "another", "days": 90}}
"""Of operations whose family has no other that takes a key."""

CALLERS = 5
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}

each_keyed = pytest.mark.parametrize("row", KEYED, ids=str)

each_kind = pytest.mark.parametrize(
    "row", one_of_each(KEYED, lambda row: (row.endpoint.auth.name, row.endpoint.status, row.endpoint.is_deferred))
)
"""For what follows where record and effect are one transaction, as each operation is asked by itself."""


class Once:
    """One operation, prepared, that is asked again and again with one key."""

    def __init__(self, row, scene=None):
        operations = operations_of(row.family)
        self.row = row
        self.scene = scene or operations.scene()
        self.driver = self.scene.world.driver
        self.options = dict(operations.prepared[row.api][row.id](self.scene))
        self.scene.world.platform.sealer.keys.newest()

    def ask(self):
        answer = self.scene.request(self.row.id, **{**self.options, "headers": HEADERS})
        assert 200 <= answer.status < 300, answer.text
        return answer

    def rows(self):
        """How many rows there are by table, besides records."""
        rows = self.driver.snapshot()
        return Counter({name: len(items) for name, items in rows.items() if name != TABLE.name})


@each_keyed
def test_record_and_effect_are_one_transaction(row):
    once = Once(row)
    once.ask()
    # That a mail was asked for is counted before, and stays counted.
    writes = [call for call in once.driver.meter.calls if call.operation in WRITES and call.table != LIMITS.name]
    assert writes
    for call in writes:
        assert call.operation == "TransactWriteItems"
        assert {TABLE.name} < set(call.table.split(","))
    reads = [call for call in once.driver.meter.calls if call.operation == "GetItem" and call.table == TABLE.name]
    assert len(reads) == 1


@each_kind
def test_callers_at_once_get_one_answer_of_one_effect(row):
    alone, once = Once(row), Once(row)
    alone.ask()
    driver = once.driver
    driver.latency(0.01)
    answers = once.scene.world.clock.run_together([once.ask] * CALLERS)
    assert {(answer.status, answer.text) for answer in answers} == {(answers[0].status, answers[0].text)}
    assert once.rows() == alone.rows()
    assert len(driver.rows(TABLE)) == 1


@each_kind
def test_crash_after_any_write_and_a_repeat_have_one_effect(row):
    alone = Once(row)
    alone.ask()
    for number in range(1, 6):
        once = Once(row)
        once.driver.crash_after(number)
        try:
            once.ask()
        except Crash:
            again = once.ask()
            assert once.ask().text == again.text
            assert once.rows() == alone.rows()
        else:
            assert number > 1, "it wrote nothing"
            return
    pytest.fail("it never came to an end")


@each_kind
def test_lost_answer_of_the_transaction_counts_as_done(row):
    once = Once(row)
    once.driver.fail_next(1, "lost_answer", operation="TransactWriteItems", table=TABLE)
    first = once.ask()
    assert once.ask().text == first.text


@each_keyed
def test_repeat_asks_for_the_record_and_nothing_else(row):
    once = Once(row)
    first = once.ask()
    again = once.ask()
    assert (again.status, again.text, again.headers.get("location")) == (
        first.status,
        first.text,
        first.headers.get("location"),
    )
    admits_by = operations_of(row.family).admits_by
    calls = [call for call in once.driver.meter.calls if not admits_by.issuperset(call.table.split(","))]
    assert [(call.operation, call.table) for call in calls] == [("GetItem", TABLE.name)]


@each_kind
def test_key_of_another_request_is_refused_and_changes_nothing(row):
    # Keys are a caller's in a tenant, and the audience finds the tenant: of the path, or of the header.
    others = [each for each in KEYED if each.endpoint.auth is row.endpoint.auth and each.path != row.path]
    other = next((each for each in others if each.family == row.family), None)
    once = Once(row)
    (once if other is None else Once(other, once.scene)).ask()
    state = once.scene.world.state()
    changed = {"json": ANOTHER_BODY[row.id]} if other is None else {}
    refused = once.scene.request(row.id, **{**once.options, **changed, "headers": HEADERS})
    assert (refused.status, "idempotency_key_reused" in refused.text.lower()) == (409, True)
    assert once.scene.world.state() == state
