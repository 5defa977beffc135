"""The row of a rollout: it is read as it was stored, and stays small."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.commands.rollout import MOST_OUT, Rollout, RolloutLimits, packed, to_item, unpacked
from chalicelib.fleet.commands.store import fan_out_from_item, fan_out_to_item
from chalicelib.fleet.commands.undone import FanOut
from tests.support.fakes.dynamo_sizes import item_bytes

STAMP = {
    "write_id": "d5d5030ce1028023520c6d5d",
    "operation": "execution.created",
    "request_id": "3f0c5a52-9d2b-4d5e-8a53-0d9f0a4f3c11",
    "actor": "create_executions",
    "address": "",
    "at": "2026-11-21T10:00:00.000000Z",
}


@given(st.sets(st.integers(0, 2**31), max_size=200))
def test_packed_slots_are_read_as_they_were(slots):
    assert unpacked(packed(sorted(slots))) == tuple(sorted(slots))


def test_slots_that_an_earlier_version_stored_are_read():
    assert Rollout.model_validate({"limits": {}, "out": [3, 4, 199]}).out == (3, 4, 199)


def row_with(out):
    """The row of a rollout to 50,000 nodes with this many out."""
    limits = RolloutLimits(max_concurrency="10%", max_errors="10%")
    slots = tuple(slot for slot in range(50_000) if slot % 100 < 99)[-2 * out :: 2]
    rollout = Rollout(
        limits=limits, chunks=506, total=50_000, given=50_599, taken=50_000, out=slots, errors=999, may_hide=True
    )
    fan_out = FanOut(
        command_id="01a1fd8c-6900-7885-aebc-c667c565e16e",
        parts=frozenset({"rollout"}),
        deadline="2026-11-22T10:00:00Z",
        due_at="2026-11-21T10:15:00Z",
        inserted_at="2026-11-21T10:00:00Z",
        rollout=rollout,
    )
    item = {**fan_out_to_item(fan_out), "version": 100_000, "changed_by": STAMP}
    stored = {name: value for name, value in item.items() if value is not None}
    assert fan_out_from_item(stored).rollout == rollout
    return stored


@pytest.mark.parametrize(("out", "most_bytes"), [(100, 1024), (400, 1024), (MOST_OUT, 2048)])
def test_row_of_a_rollout_is_a_write_unit_up_to_400_out_and_two_up_to_all(out, most_bytes):
    assert item_bytes(row_with(out)) <= most_bytes


def test_rollout_without_executions_out_stores_no_slots():
    assert "out" not in to_item(Rollout(limits=RolloutLimits()))
