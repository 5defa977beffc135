"""Agents have bad days: each machine of a fleet has another one, while commands for all of them come and go."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psutil

from chalicelib.kit.clock import SystemClock, to_seconds_text
from infra.local.agents import SampleAgent
from tests.e2e.cloud import Fleet, logged
from tests.e2e.link import Link
from tests.rehearsals.invariants import Given
from tests.rehearsals.stage import RehearsalFailedError, Stage

WRONG_CLOCK = str(Path(__file__).with_name("wrong_clock.py"))
YEAR_SECONDS = 365 * 86400
BAD_SECONDS = 15.0
RESULT = r"/command_executions/[^/]+/result$"
INTERRUPTED = 125
"""The exit code of a command whose agent died."""


def play(stage: Stage) -> None:
    with stage.fleet("bad-days") as fleet, ExitStack() as stack:
        cut, refused, unheard = (stack.enter_context(closing(Link())) for _ in range(3))
        through = [stage.enrol(fleet, 1, environment=link.environment)[0] for link in (cut, refused, unheard)]
        fast = stage.enrol(fleet, 1, program=(WRONG_CLOCK, str(2 * YEAR_SECONDS)))[0]
        slow = stage.enrol(fleet, 1, program=(WRONG_CLOCK, str(-30 * YEAR_SECONDS)))[0]
        full, killed = stage.enrol(fleet, 2)
        machines = [*through, fast, slow, full, killed]
        stage.say(f"{len(machines)} machines; two of them have clocks that are 2 years ahead and 30 years behind")
        deadline = to_seconds_text(SystemClock().now() + timedelta(hours=1))
        wait, go_on = stage.gate()
        long = stage.give(fleet, machines, f"{wait}; echo said", expired_at=deadline)
        stage.until(lambda: len(stage.in_status(long, "sent")) == len(machines), "the command to run everywhere")
        stage.until(lambda: all(logged(each, "execution.started") for each in machines), "all machines to run it")

        killed.kill()
        cut.cut()
        refusals = [refused.refuse(429, RESULT), refused.refuse(500, "/agents/")]
        lost = unheard.lose_answers("PATCH", RESULT, times=1000)
        stage.say(
            "while it runs: one agent is killed, one is cut off, one gets 429 and 500, one never hears an answer,"
        )
        stage.say("and the disk of one is full")
        with _full_disk(full):
            go_on()
            meanwhile = [stage.give(fleet, machines) for _ in range(2)]
            unheard_agent = through[2]
            node_id = unheard_agent.node_id()

            def has_reported() -> bool:
                return any(row["node_id"] == node_id for row in stage.in_status(long, "completed"))

            stage.until(lambda: lost.met and has_reported(), "the result of the long command, whose answer is lost")
            unheard_agent.kill()
            stage.say("the agent that reports is killed too: the server has its result, and it does not know")
            time.sleep(BAD_SECONDS)
            _check_waits(stage, fleet, [*meanwhile, long], cut_off=through[0])
        stage.say("the disk has room again, the network is back, the server answers, both agents start again")
        for rule in (*refusals, lost):
            rule.end()
        cut.mend()
        killed.start()
        unheard_agent.start(environment=unheard.environment)
        stage.rest()
        _check_ends(stage, long, killed)


def _check_waits(stage: Stage, fleet: Fleet, given: list[Given], cut_off: SampleAgent) -> None:
    """What is cut off has reported nothing, and nobody has decided anything for it."""
    node_id = cut_off.node_id()
    ended = [row for each in given for row in stage.in_status(each, "completed") if row["node_id"] == node_id]
    if ended:
        raise RehearsalFailedError(f"{node_id} is cut off, and {fleet.cluster} has its results: {ended}")


def _check_ends(stage: Stage, long: Given, killed: SampleAgent) -> None:
    codes = {str(row["node_id"]): int(row["exit_code"]) for row in stage.executions_of(long)}
    interrupted = codes.pop(str(killed.node_id()))
    if interrupted != INTERRUPTED or set(codes.values()) != {0}:
        raise RehearsalFailedError(f"the killed agent reported {interrupted}, the others {codes}")
    stage.say(
        f"the killed agent told that it was interrupted ({INTERRUPTED}), the {len(codes)} others that all went well"
    )


@contextmanager
def _full_disk(agent: SampleAgent) -> Iterator[None]:
    """The kernel refuses each write of the agent to a file, its log too, as on a full disk."""
    pids = list(_pids(agent))
    assert pids
    hard = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE)[1] for pid in pids}
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard[pid]))
    yield
    for pid in pids:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard[pid], hard[pid]))


def _pids(agent: SampleAgent) -> Iterator[int]:
    for pid in psutil.pids():
        with suppress(OSError):
            if pid != agent.session and os.getsid(pid) == agent.session:
                yield pid
