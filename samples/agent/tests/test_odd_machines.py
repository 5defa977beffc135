"""Odd machines: the agent and its commands run on all of them."""

import asyncio
import os
import resource
import shutil
import signal
import subprocess

import psutil
import pytest
from edge_agent.agent_metrics import AgentMetrics
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError
from edge_agent.exposition import gathered, gauge, write_text
from edge_agent.ports.host_figures import host_figures
from edge_agent.ports.process_group import OrphanReaper
from edge_agent.ports.processes import SystemProcesses
from edge_agent.ports.threads import SystemThreads

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.set_clock import SetClock

UMLAUTS = "printf '%s' 'grün 5 €'"


def done(server, execution_id, agent):
    return eventually(lambda: server.final(execution_id), what=agent.stderr)


@pytest.fixture
def machine(tmp_path):
    folder = tmp_path / "machine"
    folder.mkdir()
    return folder


def test_metrics_with_an_odd_proc_do_not_affect_commands(server, agents, machine, tmp_path):
    (machine / "odd_proc").touch()
    agent = agents.connected(odd_machine=machine)
    execution_id = server.add(f"while [ ! -e {tmp_path}/release ]; do sleep 0.02; done; echo whole", wake=True)
    agent.wait_for("execution.started")
    server.send({"type": "metrics", "metrics_types": ["host", "agent"]})
    agent.wait_for("metrics.pushed", metrics_type="host")
    agent.wait_for("metrics.pushed", metrics_type="agent")
    (tmp_path / "release").touch()
    assert done(server, execution_id, agent)["output"] == "whole\n"
    assert "node_load1 " in server.pushed("host")[0]
    assert "node_boot_time_seconds" not in server.pushed("host")[0]
    assert "edge_agent_commands_sync_total" in server.pushed("agent")[0]


@pytest.mark.parametrize("error", [RuntimeError, KeyError, TypeError, OSError, IndexError])
def test_unavailable_figures_are_left_out(error, monkeypatch):
    def odd(*_, **__):
        raise error("odd")

    for name in ("boot_time", "virtual_memory", "Process", "disk_partitions"):
        monkeypatch.setattr(f"psutil.{name}", odd)
    text = write_text(host_figures())
    assert "node_load1 " in text
    assert 'node_filesystem_size_bytes{device="",fstype="",mountpoint="/"}' in text
    assert "node_boot_time" not in text
    executor = type("Executor", (), {"running": 0, "unfinished": 0})
    metrics = AgentMetrics(Counters(), executor, SystemProcesses(), SystemThreads(), SetClock())
    assert "edge_agent_commands_sync_total 0" in asyncio.run(metrics.text())
    with pytest.raises(UnavailableError, match=f"figures: {error.__name__}"):
        gathered([odd, odd])


def test_names_that_are_not_text_are_replaced():
    text = write_text([gauge("a", "A", 1)]) + write_text([gauge("b", "of sd\udcff", 2)])
    assert text.encode().decode() == "# HELP a A\n# TYPE a gauge\na 1\n# HELP b of sd?\n# TYPE b gauge\nb 2\n"


LOCALES = {
    "none": {},
    "C": {"LC_ALL": "C"},
    "POSIX": {"LANG": "POSIX"},
    "C, and Python does not help": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "UTF-8": {"LC_ALL": "C.UTF-8"},
    "Latin-1": {"LC_ALL": "en_US.ISO-8859-1"},
}


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_commands_are_utf_8_in_any_locale(server, agents, tmp_path, locale):
    if "ISO" in locale.get("LC_ALL", ""):
        locale = {**locale, "LOCPATH": latin_1(tmp_path)}
    # A variable may have any bytes.
    agent = agents.connected(environment={**locale, "ODD": os.fsdecode(b"gr\xfcn")})
    outputs = [
        done(server, server.add(text, wake=True), agent)["output"]
        for text in (UMLAUTS, f"{UMLAUTS} | od -An -tx1", 'printf %s "$ODD" | od -An -tx1')
    ]
    assert outputs[0] == "grün 5 €"
    assert outputs[1].split() == ["67", "72", "c3", "bc", "6e", "20", "35", "20", "e2", "82", "ac"]
    assert outputs[2].split() == ["67", "72", "fc", "6e"]


def latin_1(folder):
    """Create a folder with that locale; skips the test if the system cannot."""
    if shutil.which("localedef") is None:
        pytest.skip("no localedef")
    made = folder / "en_US.ISO-8859-1"
    subprocess.run(["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(made)], capture_output=True, check=False)
    if not made.exists():
        pytest.skip("no sources of locales")
    return str(folder)


def test_orphaned_zombie_is_reaped_at_the_second_look():
    orphan = os.fork()
    if orphan == 0:
        os._exit(0)
    process = psutil.Process(orphan)
    eventually(lambda: process.status() == psutil.STATUS_ZOMBIE, what="a zombie")
    reaper = OrphanReaper()
    reaper.look()
    assert process.status() == psutil.STATUS_ZOMBIE
    reaper.look()
    assert not psutil.pid_exists(orphan)


@pytest.mark.slow
def test_agent_as_first_process_reaps_orphans(server, agents):
    own = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if shutil.which("unshare") is None or subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no process ids of its own to be had")
    agent = agents.start(launcher=own)
    agent.wait_for("websocket.connected")
    done(server, server.add("(setsid sleep 0.1 >/dev/null 2>&1 &); echo ok", wake=True), agent)

    def zombies():
        listed = server.add("sleep 0.5; ps -eo stat,comm | grep -c '^Z.*sleep' || true", wake=True)
        return int(done(server, listed, agent)["output"])

    eventually(lambda: zombies() == 1, what="a zombie")
    eventually(lambda: zombies() == 0, what="its end")
    # Ends the agent with it.
    agent.stop(signal.SIGKILL)


@pytest.mark.parametrize("descriptors", [9, 13])
def test_agent_out_of_descriptors_recovers_when_there_are_more(server, agents, descriptors):
    server.poll_seconds = 0.2
    agents.connected().stop()
    agent = agents.start(launcher=["/bin/sh", "-c", f'ulimit -S -n {descriptors}; exec "$@"', "sh"])
    agent.wait_for("agent.reregistered")
    server.add("true", wake=True)
    _, most = resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, (min(1024, most), most))
    agent.wait_for("websocket.connected")
    assert done(server, server.add("echo more", wake=True), agent)["output"] == "more\n"
    assert "Traceback" not in agent.stderr
