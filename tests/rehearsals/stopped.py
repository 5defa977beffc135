"""The whole cloud stops by SIGTERM with commands in flight, and starts again on its persisted state."""

import time

from tests.rehearsals.invariants import totals_are_those_of_the_rows, totals_of_commands_are_those_of_the_rows
from tests.rehearsals.stage import RehearsalFailedError, Stage

AGENTS = 3
DOWN_SECONDS = 3.0


def play_drained(stage: Stage) -> None:
    """Commands run on the machines; what they have caused so far is done."""
    with stage.fleet("drained") as fleet:
        agents = stage.enrol(fleet, AGENTS)
        wait, go_on = stage.gate()
        given = [stage.give(fleet, agents, f"{wait}; exit 3"), stage.give(fleet, agents[:1], cluster=False)]
        stage.until(lambda: len(stage.in_status(given[0], "sent")) == AGENTS, "the command on all machines")
        stage.until(lambda: stage.in_status(given[1], "completed"), "the other command")
        stage.until(stage.is_quiet, "empty queues")
        time.sleep(DOWN_SECONDS)  # the relay reads streams, which no queue shows
        stage.say(f"a command runs on {AGENTS} machines, nothing else is under way: SIGTERM")
        with stage.cloud.outage():
            go_on()
            time.sleep(DOWN_SECONDS)
        stage.say("started again on its state; the command has ended meanwhile")
        later = stage.give(fleet, agents)
        stage.rest()
        assert {row["exit_code"] for row in stage.executions_of(given[0])} == {3}
        assert len(stage.executions_of(later)) == AGENTS
        if corrected := stage.recount():
            raise RehearsalFailedError(f"the recount found totals that were wrong: {corrected}")


def play_undrained(stage: Stage) -> None:
    """In the middle of everything. Streams are lost with what no function has read of them: so are its events."""
    with stage.fleet("undrained") as fleet:
        agents = stage.enrol(fleet, AGENTS)
        told = stage.give(fleet, agents)
        stage.rest()
        hurried = [stage.give(fleet, agents, f"sleep {number % 3}; exit {number % 2}") for number in range(8)]
        stage.say(f"{len(hurried)} commands accepted in a hurry: SIGTERM at once")
        with stage.cloud.outage():
            time.sleep(DOWN_SECONDS)
        stage.say("started again on its state; events of these commands may be lost, nothing else")
        stage.excuse(hurried)
        stage.rest(but=frozenset({totals_are_those_of_the_rows, totals_of_commands_are_those_of_the_rows}))
        corrected = stage.recount()
        stage.say(f"the recount corrected {len(corrected)} totals")
        stage.rest()
        assert len(stage.executions_of(told)) == AGENTS
