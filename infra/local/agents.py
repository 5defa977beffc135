"""Sample agents as processes of their own, each with its state and log in a folder of its own."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.local.processes import GuardedProcess
from infra.local.sample_processes import inherited_environment, logged, write_secret
from infra.package import ROOT

AGENT_FOLDER = ROOT / "samples" / "agent"
AGENT_PROGRAM = ("-m", "edge_agent")

CANCEL_GRACE_SECONDS = 2
"""Seconds that a running command gets when its agent stops. Less than the guard's grace: if the agent were killed
first, its commands would keep running, since each has a session of its own."""


class SampleAgent:
    """One agent. Its state survives the process, so `start` after `stop` or `kill` continues as the same machine."""

    def __init__(self, folder: Path, node_id: str | None = None) -> None:
        """Its folder holds the enrollment key; it enrols as ``node_id``, or under an id that it draws."""
        self.folder = folder
        self._identity = ("--random-id",) if node_id is None else ("--node-id", node_id)
        self.log = folder / "agent.log"
        self._process: GuardedProcess | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def session(self) -> int:
        """The id of the process session of the agent and its guard. Commands have sessions of their own."""
        if self._process is None:
            raise RuntimeError("the agent was never started")
        return self._process.session

    def start(
        self, *extra: str, environment: Mapping[str, str] | None = None, program: Sequence[str] = AGENT_PROGRAM
    ) -> None:
        """Start it; ``extra`` are further arguments of its command line, ``environment`` further variables, and
        ``program`` are the arguments of Python that run it."""
        command = [sys.executable, *program, "--state-dir", str(self.folder / "state"), *self._identity]
        command += ["--enrollment-key-file", str(self.folder / "enrollment.key")]
        command += ["--cancel-grace-seconds", str(CANCEL_GRACE_SECONDS), *extra]
        own = {"PYTHONPATH": str(AGENT_FOLDER), "NO_PROXY": "127.0.0.1"}
        variables = {**inherited_environment(), **own, **(environment or {})}
        with self.log.open("ab") as output:
            self._process = GuardedProcess(command, environment=variables, output=output, folder=self.folder)

    def stop(self) -> None:
        """Ask it to stop and wait. Safe to repeat."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Kill it, without time to clean up."""
        if self._process is not None:
            self._process.kill()

    def events(self) -> Iterator[dict[str, Any]]:
        """Its log lines so far, oldest first."""
        return logged(self.log)

    def node_id(self) -> str | None:
        """The id of the node that it enrolled as; None before that."""
        enrolled = [event["node_id"] for event in self.events() if event["event"] == "agent.enrolled"]
        return str(enrolled[-1]) if enrolled else None

    @property
    def connected(self) -> bool:
        """Whether it has opened its WebSocket since it was first started."""
        return any(event["event"] == "websocket.connected" for event in self.events())


class SampleAgents:
    """Several agents, all stopped and their folders removed on leaving."""

    def __init__(self, folder: Path) -> None:
        """Their folders are made in ``folder``."""
        self._folder = Path(tempfile.mkdtemp(prefix="agents-", dir=folder))
        self.agents: list[SampleAgent] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def add(self, enrollment_key: str) -> SampleAgent:
        """A further agent with that key, not yet started."""
        folder = self._folder / f"agent-{len(self.agents) + 1}"
        folder.mkdir()
        write_secret(folder / "enrollment.key", enrollment_key)
        agent = SampleAgent(folder)
        self.agents.append(agent)
        return agent

    def connected(self) -> list[SampleAgent]:
        """The agents with an open WebSocket, which a command reaches at once."""
        return [agent for agent in self.agents if agent.connected]

    def stop(self) -> None:
        """Stop all of them. Safe to repeat."""
        for agent in self.agents:
            agent.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
