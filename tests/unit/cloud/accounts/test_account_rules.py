"""The rules of passwords and of tries to log in."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.cloud.accounts import rules
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "password",
    ["password", "12345678", "aaaaaaaaaaaaaaaa", "abcdefghijklmnop", "qwertyuiop123456", "short1!", "x" * 73],
)
def test_password_that_is_easily_guessed_or_of_another_length_is_refused(password):
    with pytest.raises(EdgeError) as refused:
        rules.check_password(password)
    assert (refused.value.kind, *refused.value.details) == (Kind.VALIDATION_FAILED, "password")


@pytest.mark.parametrize("password", ["Tr1cky-Horse-Staple", "kzpwmvhrtqxy", "N0t4Word!x", "żółta gęśla jaźń"])
def test_password_with_enough_to_guess_is_accepted(password):
    rules.check_password(password)


def test_bits_are_the_characters_times_those_of_the_kinds_that_occur():
    assert rules.bits_of("") == 0
    assert rules.bits_of("kz") == pytest.approx(2 * 4.700, abs=0.001)
    assert rules.bits_of("kZ7") == pytest.approx(3 * 5.954, abs=0.001)
    assert rules.bits_of("kZ7!") == pytest.approx(4 * 6.570, abs=0.001)


@pytest.mark.parametrize(("password", "counted"), [("aaaa", 2), ("abcd", 2), ("dcba", 2), ("QWERty", 2), ("abd", 3)])
def test_repeats_and_runs_count_as_two_characters(password, counted):
    pool = 52 if password.lower() != password else 26
    assert rules.bits_of(password) == pytest.approx(counted * math.log2(pool))


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "N", "P")), max_size=40), st.characters())
def test_a_further_character_never_leaves_less_to_guess(password, character):
    assert rules.bits_of(password + character) >= rules.bits_of(password)


def test_delay_grows_with_failures_up_to_its_end():
    delays = [rules.next_try_after(failures).total_seconds() for failures in range(14)]
    assert delays == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert rules.next_try_after(10**9) == rules.LONGEST_DELAY


def test_wait_is_whole_seconds_and_over_at_its_time():
    later = to_seconds_text(NOW + timedelta(seconds=3))
    assert rules.seconds_to_wait(later, NOW) == 3
    assert rules.seconds_to_wait(later, NOW + timedelta(seconds=2, milliseconds=1)) == 1
    assert rules.seconds_to_wait(later, NOW + timedelta(seconds=3)) == 0
    assert rules.seconds_to_wait("", NOW) == 0
