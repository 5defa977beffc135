"""Starts the real agent as processes and reads what they log. Leaving the block fails if any process is left."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from contextlib import suppress
from pathlib import Path

from samples.agent.tests.support.eventually import PATIENCE_SECONDS, eventually

AGENT_FOLDER = Path(__file__).parents[2]
ODD_MACHINE = str(Path(__file__).with_name("odd_machine.py"))
DYING_SECONDS = 10.0


class AgentProcess:
    def __init__(self, arguments, environment, stdin_text, ignored_signals, odd_machine, launcher):
        program = ["-m", "edge_agent"] if odd_machine is None else [ODD_MACHINE, str(odd_machine)]
        self.arguments = [*launcher, sys.executable, *program, *arguments]
        if ignored_signals:
            self.arguments[:0] = ["/bin/sh", "-c", f'trap \'\' {ignored_signals}; exec "$0" "$@"']
        self.events = []
        self.stderr = ""
        self.process = subprocess.Popen(
            self.arguments,
            env=environment,
            cwd=AGENT_FOLDER,
            stdin=subprocess.PIPE if stdin_text is not None else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if stdin_text is not None:
            self.process.stdin.write(stdin_text)
            self.process.stdin.close()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.stderr += line
            if line.startswith("{"):
                self.events.append(json.loads(line))

    def logged(self, event, **fields):
        return [entry for entry in self.events if entry["event"] == event and fields.items() <= entry.items()]

    def wait_for(self, event, **fields):
        return eventually(lambda: self.logged(event, **fields), what=f"{event} {fields}\n{self.stderr}")[0]

    def stop(self, number=signal.SIGTERM, *, within_seconds=PATIENCE_SECONDS):
        """Send the signal and return the exit status."""
        self.process.send_signal(number)
        return self.wait(within_seconds=within_seconds)

    def wait(self, *, within_seconds=PATIENCE_SECONDS):
        status = self.process.wait(within_seconds)
        self.reader.join()
        self.process.stderr.close()
        return status


class AgentProcesses:
    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.state_dir = folder / "state"
        self.mark = f"edge-agent-test-{uuid.uuid4()}"
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        stubborn = []
        for agent in self.started:
            if agent.process.poll() is None:
                try:
                    agent.stop()
                except subprocess.TimeoutExpired:
                    stubborn.append(agent.stderr)
                    agent.stop(signal.SIGKILL)
        assert not stubborn, f"did not stop: {stubborn}"
        if kind:
            self._kill_all()
            return
        try:
            # Killed processes may take a moment to vanish.
            eventually(lambda: self.processes() == [], seconds=DYING_SECONDS, what="the end of all processes")
        finally:
            self._kill_all()

    def start(
        self,
        *arguments,
        key="environment",
        environment=None,
        stdin_text=None,
        ignored_signals="",
        odd_machine=None,
        launcher=(),
    ):
        """Start an agent on this test's state directory. `key`: how it gets the enrollment key. `ignored_signals`: the
        names of signals that its launcher ignores, as `nohup` does. `odd_machine`: the folder with the machine's
        faults, see there. `launcher`: the command that starts it."""
        inherited = {"PATH": os.environ["PATH"], "EDGE_TEST_MARK": self.mark, "PYTHONUNBUFFERED": "1"}
        if odd_machine is not None:
            inherited["PYTHONPATH"] = str(AGENT_FOLDER)
        if key == "environment":
            inherited["ENROLLMENT_KEY"] = self.server.key()
        fixed = ["--state-dir", str(self.state_dir), "--node-id", str(uuid.UUID(int=7))]
        if {"--random-id", "--machine-id-file", "--node-id"} & set(arguments):
            fixed = fixed[:2]
        variables = {**inherited, **(environment or {})}
        agent = AgentProcess([*fixed, *arguments], variables, stdin_text, ignored_signals, odd_machine, launcher)
        self.started.append(agent)
        return agent

    def connected(self, *arguments, **options):
        """Start an agent and wait until it is connected."""
        agent = self.start(*arguments, **options)
        agent.wait_for("websocket.connected")
        eventually(lambda: self.server.connections, what="the server's side of the connection")
        return agent

    def _kill_all(self):
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self):
        """The ids of all living processes of these agents, including the agents."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    environment = (folder / "environ").read_bytes()
                except OSError:
                    continue
                if self.mark.encode() in environment:
                    found.append(int(folder.name))
        return found
