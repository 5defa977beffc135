"""The stage of the rehearsals: one local cloud, its fleets, and everything that watches them."""

import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import urllib3

from chalicelib.kit.tables.wire import from_wire
from infra.deployables import CORE
from infra.local.agents import SampleAgent, SampleAgents
from infra.local.bus_tap import BusTap
from infra.local.cloud import LocalCloud
from infra.local.emulator import CREDENTIALS
from infra.local.options import STAGE
from infra.local.receiver import SampleReceiver
from infra.package import ROOT
from tests.e2e.api import Api
from tests.e2e.cloud import Fleet
from tests.rehearsals.invariants import EVENT, TOLD, Evidence, Given, Invariant, broken

SETTINGS = {
    "POLL_SECONDS": "2",
    "WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "WEBHOOK_RETRY_SECONDS": "1",
    "PUBLIC_RATE_PER_SECOND": "100000",  # all callers have one address here
    "PUBLIC_BURST": "100000",
}

SWEEP_SECONDS = 20.0

RUNS = "ran"

HIDDEN_SECONDS = 45
"""How long a queue hides a message that a function has taken: minutes on AWS, which a rehearsal has not."""

REST_SECONDS = 900.0
COMMAND_SECONDS = 600.0
"""How long a command of the runbook may take."""

GATE_LOOKS = 2000
"""How often a command looks for its gate before it gives up: none outlives its rehearsal for long."""

_LOOK_SECONDS = 1.0
_UNFINISHED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
_REFUSED = 400
_SERVER_ERROR = 500
_TOO_MANY = 429
_UNREAD = frozenset({"batch", "latest"})
"""Rows beside the totals: batches that were counted, and times."""

WORKED_ON = tuple(queue for queue in CORE.queues if not queue.is_manual)

_NOBODYS = tuple(str(queue.dead_letters or queue) for queue in CORE.queues)
"""The queues that no function works on."""

Row = dict[str, Any]


class RehearsalFailedError(Exception):
    """Something that has to hold does not."""


class Stage:
    """``say`` prints a line. ``given`` are the commands of all rehearsals so far."""

    def __init__(self, cloud: LocalCloud, say: Callable[[str], None]) -> None:
        self.cloud = cloud
        self.say = say
        self.api = Api(cloud.url, cloud.master_key)
        self.given: list[Given] = []
        self.aws = cache(cloud.client)
        """The clients of AWS, by their services' names."""
        self._disks: dict[str, Path] = {}
        """Node id -> the file that each run leaves a line in, in the folder that agents run commands in."""
        self.runs: dict[str, Counter[str]] = {}
        """Node id -> how often each mark stands on its disk, or was run by a light node."""
        self._corrected = 0
        self._tap = BusTap(self.aws("events"), self.aws("sqs"), cloud.event_bus_name)
        self._receiver = SampleReceiver(cloud.folder)
        hook = {"url": self._receiver.url, "secret": self._receiver.secrets[0]}
        subscribed = [f"{EVENT}{change}" for change in TOLD]
        self.sure("POST", "/api/v1/webhooks", {**hook, "subscribed_events": subscribed})
        for queue in WORKED_ON:
            self.hide_for(queue, HIDDEN_SECONDS)

    def close(self) -> None:
        self._receiver.stop()
        self.api.close()

    # -- fleets and commands -------------------------------------------------------------------------------------

    @contextmanager
    def fleet(self, cluster: str) -> Iterator[Fleet]:
        """A cluster, whose agents stop at the end. Its nodes and rows stay, as evidence."""
        agents = SampleAgents(self.cloud.folder)
        try:
            self.sure("POST", "/api/v1/clusters", {"name": cluster})
            yield Fleet(self.api, agents, cluster)
        finally:
            self._read_disks()
            agents.stop()

    def enrol(self, fleet: Fleet, count: int, **how: Any) -> list[SampleAgent]:
        """Start further agents with a key for just them, and wait until they are connected. ``how``: see
        `SampleAgent.start`."""
        key = self.sure("POST", f"/api/v1/clusters/{fleet.cluster}/enrollment_keys", {"uses_remaining": count})["key"]
        agents = [fleet.machine(key) for _ in range(count)]
        for agent in agents:
            agent.start(**how)
        self.until(lambda: all(agent.connected for agent in agents), f"{count} agents to connect")
        return agents

    def sure(self, method: str, path: str, body: object = None) -> Any:
        """The data of an answer. Asks again after no answer, an error of the server, and 429, as a careful client does:
        with one ``Idempotency-Key``. Raises `RehearsalFailedError` for another refusal."""
        key = str(uuid.uuid4())
        deadline = time.monotonic() + REST_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = self.api.call(method, path, body, idempotency_key=key if method == "POST" else None)
            except urllib3.exceptions.HTTPError:
                continue
            if answer.status < _SERVER_ERROR and answer.status != _TOO_MANY:
                if answer.status >= _REFUSED:
                    raise RehearsalFailedError(f"{method} {path}: {answer.status} {answer.text}")
                return answer.data if answer.text else None
            time.sleep(_LOOK_SECONDS / 4)
        raise RehearsalFailedError(f"{method} {path}: no answer for {REST_SECONDS:.0f} s")

    def give(
        self, fleet: Fleet, agents: Iterable[SampleAgent], text: str = "true", *, cluster: bool = True, **more: object
    ) -> Given:
        """A new command that is accepted: for the cluster, which is these agents, or for these agents by their ids."""
        nodes = {str(agent.node_id()): agent for agent in agents}
        self._disks |= {node_id: agent.folder / RUNS for node_id, agent in nodes.items()}
        targeting: Row = {"type": "clusters", "cluster_names": [fleet.cluster]}
        if not cluster:
            targeting = {"type": "nodes", "node_ids": sorted(nodes)}
        return self.note(f"echo MARK >> {RUNS}; {text}", targeting, nodes, **more)

    def gate(self) -> tuple[str, Callable[[], None]]:
        """A text that waits on a machine, and what ends the waiting."""
        file = self.cloud.folder / f"gate-{len(self.given)}"
        wait = f"i=0; while [ ! -e {file} ] && [ $i -lt {GATE_LOOKS} ]; do i=$((i + 1)); sleep 0.3; done"
        return wait, file.touch

    def note(self, text: str, targeting: Row, nodes: Iterable[str], **more: object) -> Given:
        """A new command that is accepted, for these nodes. ``MARK`` in its text becomes its mark."""
        mark = f"run-{len(self.given) + 1}"
        body = {"command_text": text.replace("MARK", mark), "targeting": targeting, **more}
        answer = self.sure("POST", "/api/v1/commands", body)
        given = Given(str(answer["id"]), mark, frozenset(nodes))
        self.given.append(given)
        return given

    def excuse(self, given: Iterable[Given]) -> None:
        """Events of these may be missing."""
        ids = {each.command_id for each in given}
        self.given = [replace(each, is_told=each.is_told and each.command_id not in ids) for each in self.given]

    # -- rest ----------------------------------------------------------------------------------------------------

    def rest(self, *, but: frozenset[Invariant] = frozenset()) -> None:
        """Wait until nothing is left to do and every invariant holds, and still does a moment later. Raises
        `RehearsalFailedError` with what is broken."""
        began, wrong = time.monotonic(), ["the queues are not empty"]
        while time.monotonic() - began < REST_SECONDS:
            if self.is_quiet():
                wrong = broken(self.evidence(), but)
                if not wrong:
                    break
            time.sleep(_LOOK_SECONDS)
        else:
            raise RehearsalFailedError("\n  ".join([f"no rest within {REST_SECONDS:.0f} s:", *wrong[:20]]))
        self.say(
            f"at rest after {time.monotonic() - began:.1f} s: {len(self.given)} commands so far, all invariants hold"
        )

    def recount(self) -> list[str]:
        """Run the recount, as the runbook does; returns what it has corrected."""
        before = self._recounts()
        self.runbook("infra.run", "recount")
        self.until(lambda: len(self._recounts()) > len(before), "the recount")
        lines = list(self.cloud.function_logs("recount"))
        corrected = [line for line in lines if "_corrected" in line]
        new = corrected[self._corrected :]
        self._corrected = len(corrected)
        return new

    def _recounts(self) -> list[str]:
        return [line for line in self.cloud.function_logs("recount") if '"handled"' in line]

    def runbook(self, module: str, *arguments: str) -> str:
        """Run a command of the runbook against this cloud; returns what it printed. Raises `RehearsalFailedError`."""
        environment = {**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL": self.cloud.emulator_url}
        command = [sys.executable, "-m", module, *arguments, "--stage", STAGE]
        self.say(f"$ python -m {module} {' '.join(command[3:])}")
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
        if done.returncode:
            raise RehearsalFailedError(f"{module} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def until(self, happened: Callable[[], object], what: str, seconds: float = REST_SECONDS) -> None:
        """Wait for it. Raises `RehearsalFailedError`."""
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline:
                raise RehearsalFailedError(f"waited {seconds:.0f} s in vain for {what}")
            time.sleep(_LOOK_SECONDS / 2)

    # -- evidence ------------------------------------------------------------------------------------------------

    def is_quiet(self) -> bool:
        """Whether no queue that a function works on has a message."""
        return not any(self.messages(queue) for queue in WORKED_ON)

    def messages(self, queue: str) -> int:
        """The messages of a queue, hidden and delayed ones too."""
        sqs = self.aws("sqs")
        counts = sqs.get_queue_attributes(QueueUrl=self.url_of(queue), AttributeNames=[*_UNFINISHED])["Attributes"]
        return sum(int(counts[name]) for name in _UNFINISHED)

    def hide_for(self, queue: str, seconds: int) -> None:
        """From now on that queue hides messages that a function has taken for so long."""
        attributes = {"VisibilityTimeout": str(seconds)}
        self.aws("sqs").set_queue_attributes(QueueUrl=self.url_of(queue), Attributes=attributes)

    def url_of(self, queue: str) -> str:
        return f"{self.cloud.state['QueueUrlPrefix']}{queue}"

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, read from the table itself."""
        pages = self.aws("dynamodb").get_paginator("scan")
        return [
            from_wire(row)
            for page in pages.paginate(TableName=f"{self.cloud.table_prefix}{table}", ConsistentRead=True)
            for row in page["Items"]
        ]

    def executions_of(self, given: Given) -> list[Row]:
        return [row for row in self.rows("executions") if row["command_id"] == given.command_id]

    def in_status(self, given: Given, status: str) -> list[Row]:
        return [row for row in self.executions_of(given) if row["status"] == status]

    def evidence(self) -> Evidence:
        totals: Counter[str] = Counter()
        for row in self.rows("counters"):
            if row["shard"] not in _UNREAD:
                totals[row["total"]] += int(row.get("count", 0))
        return Evidence(
            given=tuple(self.given),
            executions=self.rows("executions"),
            command_count=len(self.rows("commands")),
            totals=totals,
            runs=self._read_disks(),
            waiting={queue: self.messages(queue) for queue in _NOBODYS},
            on_bus=self._tap.envelopes(),
            at_webhook=self._receiver.events(),
        )

    def _read_disks(self) -> dict[str, Counter[str]]:
        """How often each mark stands on each machine's disk: what was last read of those that are gone."""
        for node_id, file in self._disks.items():
            if file.parent.exists():
                self.runs[node_id] = Counter(file.read_text().split() if file.exists() else ())
        return dict(self.runs)
