"""Gaps and times in contact, from transitions in any order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.machines.analytics.contact import Timeline
from chalicelib.machines.analytics.model import Contact, Gap, Span, Transition

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
UP, DOWN, ABSENT = Contact.UP, Contact.DOWN, Contact.ABSENT


def at(minutes):
    return NOON + timedelta(minutes=minutes)


def turn(minutes, before, after, since=None):
    key = f"{minutes + 10_000:08}"
    return Transition(key, at(minutes), at(minutes if since is None else since), before, after)


def span(start, end):
    return Span(at(start), at(end))


ENROLLED = turn(-600, ABSENT, UP)


def test_gap_runs_from_the_last_sign_of_life_to_the_next():
    line = Timeline([ENROLLED, turn(10, UP, DOWN, since=5), turn(30, DOWN, UP)], at(100))

    assert line.gaps(span(0, 60)) == [Gap(at(5), at(30))]
    assert (line.seconds(DOWN, span(0, 60)), line.seconds(UP, span(0, 60))) == (25 * 60, 35 * 60)


def test_gap_across_hours_and_days_counts_in_each_what_is_in_it():
    line = Timeline([ENROLLED, turn(-30, UP, DOWN), turn(24 * 60 + 15, DOWN, UP)], at(48 * 60))
    hours = [span(start, start + 60) for start in range(-60, 26 * 60, 60)]

    assert [line.seconds(DOWN, hour) for hour in hours] == [30 * 60, *[3600] * 24, 15 * 60, 0]
    assert all(line.gaps(hour) == [Gap(at(-30), at(24 * 60 + 15))] for hour in hours[:-1])


def test_gap_that_goes_on_is_open_and_counts_until_now():
    line = Timeline([ENROLLED, turn(10, UP, DOWN)], at(40))

    assert line.gaps(span(0, 60)) == [Gap(at(10), None)]
    assert line.seconds(DOWN, span(0, 60)) == 30 * 60


def test_gap_noticed_after_a_span_belongs_to_it_if_it_began_within():
    line = Timeline([ENROLLED, turn(63, UP, DOWN, since=58), turn(70, DOWN, UP)], at(100))

    assert line.gaps(span(0, 60)) == [Gap(at(58), at(70))]
    assert line.seconds(UP, span(0, 60)) == 58 * 60


def test_silence_that_is_dated_before_the_last_return_begins_with_that():
    line = Timeline([ENROLLED, turn(10, UP, DOWN), turn(20, DOWN, UP), turn(25, UP, DOWN, since=19)], at(30))

    assert line.gaps(span(0, 60)) == [Gap(at(10), at(20)), Gap(at(20), None)]


def test_time_before_enrolment_and_after_deletion_is_neither_contact_nor_gap():
    line = Timeline([turn(10, ABSENT, UP), turn(20, UP, DOWN), turn(40, DOWN, ABSENT)], at(100))

    assert line.gaps(span(0, 60)) == [Gap(at(20), at(40))]
    assert [line.seconds(contact, span(0, 60)) for contact in (UP, DOWN, ABSENT)] == [600, 1200, 1800]


def test_contact_before_the_first_known_transition_is_what_that_came_from():
    line = Timeline([turn(30, DOWN, UP)], at(100))

    assert line.gaps(span(0, 60)) == [Gap(at(0), at(30))]
    assert line.seconds(UP, span(0, 60)) == 30 * 60


def test_timeline_without_transitions_knows_no_contact():
    line = Timeline([], at(100))

    assert line.gaps(span(0, 60)) == []
    assert [line.seconds(contact, span(0, 60)) for contact in Contact] == [0, 0, 0]


@given(
    moments=st.lists(st.integers(0, 300), min_size=1, max_size=12, unique=True),
    order=st.randoms(use_true_random=False),
    length=st.sampled_from([7, 60, 90]),
)
def test_shares_of_periods_add_up_to_a_model_of_each_minute(moments, order, length):
    states, before = [], UP
    for moment in sorted(moments):
        after = DOWN if before is UP else UP
        states.append(turn(moment, before, after))
        before = after
    order.shuffle(states)
    line = Timeline(states, at(280))
    model = [sum(moment <= minute for moment in moments) % 2 for minute in range(280)]

    for start in range(0, 300, length):
        assert line.seconds(DOWN, span(start, start + length)) == 60 * sum(model[start : start + length])


@pytest.mark.parametrize("now", [5, 10])
def test_gap_to_come_is_not_told(now):
    line = Timeline([ENROLLED, turn(10, UP, DOWN)], at(now))

    assert line.gaps(span(0, 60)) == []


class CountedMoment(datetime):
    """A moment that counts how often it is compared with another."""

    comparisons = 0

    def __lt__(self, other):
        CountedMoment.comparisons += 1
        return super().__lt__(other)

    def __gt__(self, other):
        CountedMoment.comparisons += 1
        return super().__gt__(other)


def test_many_periods_of_a_flapping_node_look_at_what_is_in_each_alone():
    def moment(minutes):
        whole = at(minutes)
        return CountedMoment.fromtimestamp(whole.timestamp(), UTC)

    turns = [
        Transition(f"{minutes:08}", at(minutes), moment(minutes), *((UP, DOWN) if minutes % 2 else (DOWN, UP)))
        for minutes in range(3000)
    ]
    line = Timeline(turns, at(3000))
    CountedMoment.comparisons = 0
    found = [line.seconds(UP, span(start, start + 2)) for start in range(0, 3000, 2)]

    assert set(found) == {60.0}
    assert CountedMoment.comparisons < 50 * len(found)
