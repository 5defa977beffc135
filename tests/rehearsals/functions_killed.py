"""Functions are killed in the middle of their batches."""

import time

from tests.rehearsals.functions import Killer, failed_batches
from tests.rehearsals.stage import RehearsalFailedError, Stage

AGENTS = 3
KILL_SECONDS = 0.2
KILLED = ["relay_changes", "create_executions", "deliver_commands", "publish_events", "deliver_webhook", "clean_up"]
FEWEST_COMMANDS, MOST_COMMANDS = 10, 100
FEWEST = 5
"""Batches that have to die."""


def play(stage: Stage) -> None:
    with stage.fleet("killed") as fleet:
        agents = stage.enrol(fleet, AGENTS)
        stage.say(f"{AGENTS} agents, and a command every second, while functions of queues and streams are killed")
        before, died = failed_batches(stage.cloud), 0
        with Killer(stage.cloud, KILLED, KILL_SECONDS) as killer:
            for number in range(MOST_COMMANDS):
                chosen = agents if number % 2 else agents[:1]
                stage.give(fleet, chosen, cluster=chosen is agents)
                died = failed_batches(stage.cloud) - before
                if number >= FEWEST_COMMANDS and died >= FEWEST:
                    break
                time.sleep(1)
        stage.say(f"killed {killer.killed.total()} processes {dict(killer.killed)}; {died} batches died of it")
        if died < FEWEST:
            raise RehearsalFailedError(f"only {died} batches died")
        stage.rest()
        if corrected := stage.recount():
            raise RehearsalFailedError(f"the recount found totals that were wrong: {corrected}")
