from datetime import timedelta

import pytest

from chalicelib.kit.backoff import Backoff
from tests.support.fakes.clock import FakeClock


class Drawn:
    """Ids whose fractions are given."""

    def __init__(self, fraction):
        self._fraction = fraction

    def fraction(self):
        return self._fraction


def pauses(clock, backoff, most=5):
    """How long each pause took until it refused one."""
    taken = []
    for _ in range(most):
        before = clock.now()
        if not backoff.pause():
            break
        taken.append((clock.now() - before).total_seconds())
    return taken


def test_pause_bound_doubles_up_to_the_longest():
    clock = FakeClock()
    assert pauses(clock, Backoff(clock, Drawn(1.0), first_seconds=1.0, longest_seconds=5.0)) == [1, 2, 4, 5, 5]


def test_pause_is_the_drawn_fraction_of_its_bound():
    clock = FakeClock()
    assert pauses(clock, Backoff(clock, Drawn(0.25), first_seconds=1.0, longest_seconds=4.0)) == [0.25, 0.5, 1, 1, 1]


@pytest.mark.parametrize(("patience", "taken"), [(3.0, [1, 2]), (2.9, [1]), (0.5, [])])
def test_pause_that_would_exceed_the_patience_is_not_taken(patience, taken):
    clock = FakeClock()
    backoff = Backoff(clock, Drawn(1.0), first_seconds=1.0, longest_seconds=8.0, patience=timedelta(seconds=patience))
    assert pauses(clock, backoff) == taken


def test_patience_counts_from_the_start_of_the_first_attempt():
    clock = FakeClock()
    backoff = Backoff(clock, Drawn(1.0), first_seconds=1.0, longest_seconds=1.0, patience=timedelta(seconds=10))
    clock.advance(9.5)
    assert not backoff.pause()
