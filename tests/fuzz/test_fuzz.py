"""What reads bytes of strangers refuses them or reads them, and takes no second for a kilobyte."""

import time

import pytest

from tests.fuzz.fuzzer import Target, fuzz
from tests.fuzz.targets import TARGETS

INPUTS = 400
SEED = 1


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_hostile_bytes_neither_break_nor_slow_a_reader(target):
    found = fuzz(target, INPUTS, SEED)
    assert found.failures == []
    assert found.edges > 3


def test_fuzzer_finds_a_planted_crash_behind_two_conditions():
    def read(data):
        if not data.startswith(b"{"):
            return
        if b'"' in data:
            raise KeyError("planted")

    target = Target("planted", read, (b"a", b"bc"), ("test_fuzz.py",))
    failures = fuzz(target, 4000, SEED).failures
    assert failures
    assert "planted" in failures[0][1]


def test_fuzzer_finds_a_slow_reader():
    def read(data):
        end = time.process_time() + 0.4
        while len(data) > 100 and time.process_time() < end:
            pass

    target = Target("slow", read, (b"abc" * 40,), ("test_fuzz.py",))
    assert any("took" in failure for _, failure in fuzz(target, 1, SEED).failures)
