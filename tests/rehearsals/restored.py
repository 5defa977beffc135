"""All tables go back to a backup, by the runbook, while the agents carry on."""

import time

from infra.deployables import CORE
from infra.local.agents import SampleAgent
from infra.restore import SUFFIX
from tests.e2e.cloud import Fleet
from tests.rehearsals.invariants import Given, totals_are_those_of_the_rows, totals_of_commands_are_those_of_the_rows
from tests.rehearsals.stage import WORKED_ON, RehearsalFailedError, Stage

AGENTS = 3
RESTARTS = 2
BACKUP = "rehearsal"
FORGOTTEN_SECONDS = 65
"""An agent reports a result again if it is asked for more than a minute after it was taken."""


def play(stage: Stage) -> None:
    with stage.fleet("restored") as fleet, stage.fleet("restarted") as others:
        agents = stage.enrol(fleet, AGENTS)
        [restarted] = stage.enrol(others, 1)
        done = stage.give(fleet, agents)
        stage.rest()
        wait, go_on = stage.gate()
        running = stage.give(fleet, agents, f"{wait}; exit 6")
        wait, end = stage.gate()
        ended = stage.give(fleet, agents, f"{wait}; exit 7")
        for given in (running, ended):
            stage.until(lambda given=given: _statuses(stage, given) == ["sent"] * AGENTS, "it to run on all machines")
        stage.say(stage.runbook("infra.backup", "--name", BACKUP).strip().splitlines()[-1])
        kept = len(stage.given)
        _restart(stage, restarted)
        end()
        later = stage.give(fleet, agents)
        for given in (ended, later):
            stage.until(lambda given=given: _statuses(stage, given) == ["completed"] * AGENTS, "it to end")
        stage.say(
            "one command ran before the backup, one runs, one ended after it, one came after it: all functions stop"
        )
        settled_at = time.monotonic()
        _stop_functions(stage)
        go_on()
        _restore(stage)
        _start_functions(stage)
        stage.given = stage.given[:kept]  # the later one is not known any more
        stage.excuse([running, ended])
        _comes_back(stage, others, restarted)
        _redrive(stage)
        stage.until(lambda: time.monotonic() - settled_at > FORGOTTEN_SECONDS, "agents to take results as forgotten")
        stage.say("an agent looks once in an hour at what it was given: here it is started anew instead")
        for agent in agents:
            agent.stop()
            agent.start()
        stage.rest(but=frozenset({totals_are_those_of_the_rows, totals_of_commands_are_those_of_the_rows}))
        stage.say(f"the recount corrected {len(stage.recount())} totals")
        _make_terms_anew(stage)
        _delete_copies(stage)
        stage.rest()
        _check(stage, agents, (done, running, ended))


def _statuses(stage: Stage, given: Given) -> list[str]:
    return [row["status"] for row in stage.executions_of(given)]


def _restart(stage: Stage, agent: SampleAgent) -> None:
    """Restart it: each time it gets another token, of which the backup knows nothing."""
    for times in range(1, RESTARTS + 1):
        agent.stop()
        agent.start()
        stage.until(lambda times=times: _logged(agent, "agent.reregistered") == times, "it to register again")
    stage.say(f"one further machine was restarted after the backup, {RESTARTS} times: the backup knows the first token")


def _comes_back(stage: Stage, fleet: Fleet, agent: SampleAgent) -> None:
    """It registers again by the token that the tables know, without a start or a key, and works."""
    stage.until(lambda: _logged(agent, "agent.reregistered") > RESTARTS, "the restarted machine to come back by itself")
    if _logged(agent, "agent.enrolled") != 1:
        raise RehearsalFailedError("the restarted machine has enrolled again")
    given = stage.give(fleet, [agent])
    stage.until(lambda: _statuses(stage, given) == ["completed"], "its command")
    stage.say("the restarted machine came back by an earlier token, by itself, and works")


def _logged(agent: SampleAgent, name: str) -> int:
    return sum(event["event"] == name for event in agent.events())


def _stop_functions(stage: Stage) -> None:
    client = stage.aws("lambda")
    for name in _functions(stage):
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)


def _start_functions(stage: Stage) -> None:
    client = stage.aws("lambda")
    for name in _functions(stage):
        client.delete_function_concurrency(FunctionName=name)
    stage.say("the functions are started again")


def _functions(stage: Stage) -> list[str]:
    pages = stage.aws("lambda").get_paginator("list_functions").paginate()
    return [each["FunctionName"] for page in pages for each in page["Functions"]]


def _restore(stage: Stage) -> None:
    """Each table from its backup to a new one, and its rows back."""
    dynamodb = stage.aws("dynamodb")
    for name in _tables(stage):
        [backup] = dynamodb.list_backups(TableName=name)["BackupSummaries"]
        dynamodb.restore_table_from_backup(TargetTableName=f"{name}{SUFFIX}", BackupArn=backup["BackupArn"])
    for name in _tables(stage):
        dynamodb.get_waiter("table_exists").wait(TableName=f"{name}{SUFFIX}", WaiterConfig={"Delay": 1})
    stage.say(f"{len(_tables(stage))} tables are restored under other names")
    stage.runbook("infra.restore")
    changed = [
        line for line in stage.runbook("infra.restore", "--write").splitlines() if ": 0 rows written, 0" not in line
    ]
    for line in changed:
        stage.say(f"  {line}")


def _tables(stage: Stage) -> list[str]:
    return [f"{stage.cloud.table_prefix}{table.name}" for table in CORE.tables]


def _redrive(stage: Stage) -> None:
    """What was tried meanwhile has become a dead letter."""
    for queue in WORKED_ON:
        if stage.messages(f"{queue}-dead"):
            stage.runbook("infra.redrive", queue)


def _make_terms_anew(stage: Stage) -> None:
    key = {"term_shard": {"S": "state"}, "position": {"S": "fill"}}
    stage.aws("dynamodb").delete_item(TableName=f"{stage.cloud.table_prefix}node_terms", Key=key)


def _delete_copies(stage: Stage) -> None:
    for name in _tables(stage):
        stage.aws("dynamodb").delete_table(TableName=f"{name}{SUFFIX}")


def _check(stage: Stage, agents: list[SampleAgent], every: tuple[Given, ...]) -> None:
    codes = [[int(row["exit_code"]) for row in stage.executions_of(given)] for given in every]
    if codes != [[0] * AGENTS, [6] * AGENTS, [7] * AGENTS]:
        raise RehearsalFailedError(f"exit codes after the restore: {codes}")
    assert all(agent.running for agent in agents)
