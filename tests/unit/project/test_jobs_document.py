"""The table of everyday jobs: its keystrokes are counted, and few."""

import re

from infra.package import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and "`" in line
]
MOST_TIMES = 2


def keys(cell):
    return sum(map(len, re.findall(r"`([^`]+)`", cell)))


def test_keystrokes_of_jobs_are_counted():
    assert len(ROWS) > 5
    for job, ours, counted, theirs, counted_there in ROWS:
        assert (job, int(counted), int(counted_there)) == (job, keys(ours), keys(theirs))


def test_jobs_take_at_most_twice_the_keystrokes_of_the_peer():
    assert [job for job, ours, _, theirs, _ in ROWS if keys(ours) > MOST_TIMES * keys(theirs)] == []


def test_staged_rollout_takes_fewer_keystrokes_than_at_the_peer():
    [(ours, theirs)] = [(ours, theirs) for job, ours, _, theirs, _ in ROWS if job.startswith("a tenth at a time")]

    assert keys(ours) < keys(theirs)
