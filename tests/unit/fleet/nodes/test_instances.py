from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.fleet.nodes.instances import LATE, REMEMBERED, instance_of, look_at
from chalicelib.fleet.nodes.model import Presence
from chalicelib.kit.clock import to_seconds_text

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
A, B, C = "machine1-aaaaaaaa", "machine1-bbbbbbbb", "machine2-cccccccc"


def presence(instance_id=None, **former):
    return Presence(
        id="n",
        last_seen_at="2026-11-21T12:00:00Z",
        instance_id=instance_id,
        former_instances={name: to_seconds_text(moment) for name, moment in former.items()},
    )


@pytest.mark.parametrize("values", [(A,), ("x" * 8,), ("a.b_c-D9" * 8,)])
def test_instance_id_is_read_from_its_header(values):
    assert instance_of(values) == values[0]


@pytest.mark.parametrize("values", [(), (A, A), ("short",), ("x" * 65,), ("with blank",), ("naïve-instance",), ("",)])
def test_malformed_or_repeated_instance_id_is_ignored(values):
    assert instance_of(values) is None


def test_missing_instance_id_changes_nothing():
    known = look_at(presence(A, **{B: NOW}), None, NOW)

    assert (known.instance_id, known.is_new, known.is_conflict) == (A, False, False)
    assert not look_at(None, None, NOW).is_new


def test_next_instance_is_new_and_the_former_is_remembered():
    first = look_at(presence(), A, NOW)
    next_one = look_at(presence(A), B, NOW)

    assert (first.instance_id, first.former, first.is_new, first.is_conflict) == (A, {}, True, False)
    assert (next_one.instance_id, next_one.former, next_one.is_new, next_one.is_conflict) == (
        B,
        {A: "2026-11-21T12:00:00Z"},
        True,
        False,
    )


@pytest.mark.parametrize(("after", "is_conflict"), [(timedelta(0), False), (LATE / 2, False), (LATE, True)])
def test_former_instance_calling_late_is_a_conflict(after, is_conflict):
    seen = look_at(presence(B, **{A: NOW - after}), A, NOW)

    assert (seen.is_conflict, seen.is_new, seen.instance_id) == (is_conflict, False, B)


def test_repeated_restarts_are_no_conflict_and_remember_a_bounded_number():
    known = presence()
    for number in range(50):
        seen = look_at(known, f"machine1-{number:08d}", NOW + timedelta(seconds=number))
        assert seen.is_new
        assert not seen.is_conflict
        known = known.model_copy(update={"instance_id": seen.instance_id, "former_instances": seen.former})

    assert sorted(known.former_instances) == [f"machine1-{number:08d}" for number in range(49 - REMEMBERED, 49)]
