"""The page on emulators says what they do."""

import os
from unittest.mock import patch

import pytest

from infra.local.emulator import CREDENTIALS
from tests.probe.__main__ import BEGIN, END, PAGE, table
from tests.probe.probing import NO, PROBES, Probe, answer


# Slow: it asks both emulators some hundred times, and changes only with their releases.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_page_has_the_answers_of_the_emulators_of_now():
    with patch.dict(os.environ, CREDENTIALS):
        answers = table()
    assert PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip() == answers.strip()


def test_rule_that_does_not_hold_is_told_apart_from_one_that_does():
    assert answer(Probe("EC2", "CreateVpc", "never", lambda _: False), lambda _: None) == NO
    assert len({(one.service, one.call, one.rule) for one in PROBES}) == len(PROBES)
