"""Following commands on more machines than are listed or counted."""

import pytest
from edgectl.errors import SOME_FAILED
from edgectl.running import MOST_OUTPUTS, Watch
from edgectl.writing import Writer

MANY = MOST_OUTPUTS + 50


class Told:
    """A control plane with one command: its states one after the other, and lists of executions that lag by as many
    looks as told."""

    def __init__(self, states, rows, lag=0):
        self.states = list(states)
        self.rows = rows
        self.lag = lag

    def get(self, path):
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def walk(self, path, most=None, **query):
        self.lag -= 1
        wanted = query.get("outcome")
        found = [row for row in self.rows if wanted is None or row["outcome"] == wanted]
        return iter([] if self.lag >= 0 else found[:most])


def standing(state, targets, summary, **more):
    return {"id": "c", "state": state, "targets": targets, "summary": summary, **more}


def execution(number, outcome):
    return {
        "id": f"{outcome}-{number}",
        "node_id": f"n{number}",
        "outcome": outcome,
        "exit_code": 0 if outcome == "succeeded" else 3,
        "output": f"{outcome} {number}\n",
    }


def followed(client, show="auto"):
    sleeps = []
    watch = Watch(client, "c", show=show, seconds=None, quiet=False, writer=Writer(), sleep=sleeps.append)
    return watch.to_end()


ROWS = [*(execution(number, "succeeded") for number in range(MANY)), execution(1, "failed"), execution(2, "failed")]
COUNTS = {"total": MANY + 2, "succeeded": MANY, "failed": 2}


def test_failures_of_many_are_shown_though_successes_came_before(capsys):
    begun = {"total": 50, "succeeded": 50}
    made = [standing(state, MANY + 2, COUNTS) for state in ("running", "finished")]
    client = Told([standing("creating", None, begun), *made], ROWS, lag=2)
    assert followed(client) == SOME_FAILED
    assert capsys.readouterr().out == "failed 1\nfailed 2\n"


def test_output_is_shown_once_the_number_of_machines_is_known(capsys):
    few = {"total": 1, "succeeded": 1}
    client = Told([standing("creating", None, few), standing("finished", 1, few)], [execution(1, "succeeded")], lag=1)
    assert followed(client) == 0
    assert capsys.readouterr().out == "succeeded 1\n"


@pytest.mark.parametrize("outcome", ["failed", "expired", "cancelled", "dropped"])
def test_failure_among_more_than_are_counted_ends_with_1(outcome):
    client = Told([standing("finished", 200_000, None)], [execution(1, "succeeded"), execution(2, outcome)])
    assert followed(client) == SOME_FAILED


def test_failures_among_more_than_are_counted_are_shown_at_the_end(capsys):
    states = [standing("running", 200_000, None), standing("finished", 200_000, None)]
    assert followed(Told(states, ROWS, lag=1)) == SOME_FAILED
    assert capsys.readouterr().out == "failed 1\nfailed 2\n"


@pytest.mark.parametrize(("state", "code"), [("finished", 0), ("stopped", SOME_FAILED)])
def test_more_than_are_counted_end_with_0_if_all_have_succeeded(state, code):
    rollout = {"state": state, "reason": "too_many_errors"}
    client = Told([standing("finished", 200_000, None, rollout=rollout)], [execution(1, "succeeded")])
    assert followed(client, show="none") == code
