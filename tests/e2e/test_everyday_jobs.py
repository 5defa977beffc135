"""The everyday jobs of docs/jobs.md by `edgectl`, against real agents."""

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout

import pytest
from edgectl.errors import REFUSED
from edgectl.main import main

from infra.local.sweeper import call_scheduled
from infra.package import ROOT
from tests.e2e.api import Api
from tests.e2e.cloud import eventually, fleet, logged, start_connected
from tests.e2e.hooks import SECRET
from tests.e2e.ssh_client import SSH, SshClient
from tests.e2e.webhook_receiver import Receiver
from tests.support.aws_clients import local_client

SECONDS = 60


@pytest.fixture(scope="module")
def machines(cloud, tap):
    with fleet(cloud, "jobs") as found:
        yield found


@pytest.fixture(scope="module")
def agents(machines):
    return machines.enrol(2, "--ssh-port", "0", "--ssh-check-seconds", "1")


@pytest.fixture
def environment(cloud, tmp_path):
    return {
        "EDGE_URL": cloud.url,
        "EDGE_KEY": cloud.master_key,
        "XDG_CONFIG_HOME": str(tmp_path),
        "NO_COLOR": "1",
    }


@pytest.fixture
def in_a_shell(environment):
    """`edgectl` as a process of its own, with the exit code that is expected; returns what it prints."""
    variables = {**os.environ, **environment, "PYTHONPATH": str(ROOT / "samples" / "cli")}

    def run(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "edgectl", *arguments],
            env=variables,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    return run


@pytest.fixture
def edgectl(environment, monkeypatch):
    """The same in this process, which is sooner there."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments, code=0):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            ended = main(arguments)
        assert ended == code, err.getvalue()
        return out.getvalue()

    return run


@pytest.fixture
def ask(edgectl):
    """As `edgectl`, returns the JSON that is printed."""
    return lambda *arguments: json.loads(edgectl(*arguments, "-o", "json"))


@pytest.fixture(scope="module")
def names(machines, agents):
    """Aliases of the two machines."""
    for number, agent in enumerate(agents, 1):
        answer = machines.api.call("POST", f"/api/v1/nodes/{agent.node_id()}/aliases", {"name": f"till-{number}"})
        assert answer.status == 201, answer.text
    return ["till-1", "till-2"]


def test_command_lines_are_processes_with_exit_codes(in_a_shell, names, tmp_path):
    fails_on_one = f"mkdir {tmp_path}/once 2>/dev/null && echo fine"
    assert in_a_shell("run", "--on", ",".join(names), fails_on_one, code=1) == "fine\n"
    [command] = json.loads(in_a_shell("commands", "list", "--limit", "1", "-o", "json"))
    assert in_a_shell("retry", command["id"], "--text", "echo mended") == "mended\n"


def test_running_command_is_cancelled_and_told_by_the_audit_log(edgectl, ask, names):
    given = json.loads(edgectl("run", "--on", "cluster:jobs", "--no-wait", "-o", "json", "sleep 30"))
    edgectl("commands", "cancel", given["id"], "-y")

    done = {"command.create", "command.cancel"}
    eventually(lambda: done <= {row["operation"] for row in ask("audit", "list", "--since", "1h")})
    ended = {row["outcome"] for row in eventually(lambda: _all_ended(ask, given["id"]))}
    assert ended == {"cancelled"}


def _all_ended(ask, command_id):
    rows = ask("executions", "list", "--command", command_id)
    return rows if rows and all(row["outcome"] != "open" for row in rows) else None


def test_machines_are_found_by_label_and_by_a_part_of_their_name(edgectl, ask, names):
    edgectl("nodes", "label", "till-1", "--set", "shelf=upper")
    first = ask("nodes", "show", "till-1")["id"]

    assert [row["id"] for row in ask("nodes", "list", "--label", "shelf=upper")] == [first]
    assert [row["id"] for row in ask("nodes", "list", "--filter", f"search={first[:13]}")] == [first]
    assert edgectl("run", "--on", "shelf=upper", "echo $((40+2))") == "42\n"
    assert ask("down", "jobs") == []


def test_waves_stop_after_the_first_error(edgectl, ask, names):
    edgectl("run", "--on", "cluster:jobs", "-c", "1", "-e", "0", "exit 3", code=1)
    [command] = ask("commands", "list", "--limit", "1")
    summary = ask("commands", "show", command["id"])["summary"]
    assert (summary["failed"], summary["skipped"], summary["total"]) == (1, 1, 2)
    [failed] = ask("executions", "list", "--command", command["id"], "--outcome", "failed")
    assert failed["exit_code"] == 3

    assert edgectl("run", "--on", "cluster:jobs", "-c", "10%", "-e", "0", "echo well") == "well\nwell\n"


# Slow: many steps, each of which `test_steering.py` tries in process.
@pytest.mark.slow
def test_waves_are_paused_resumed_and_stopped(edgectl, ask, names, tmp_path):
    mark = tmp_path / "go"
    waits = f"while ! test -e {mark}; do sleep 0.1; done"
    given = json.loads(edgectl("run", "--on", "cluster:jobs", "-c", "1", "--no-wait", "-o", "json", waits))["id"]

    def summary():
        return ask("commands", "show", given)["summary"]

    eventually(lambda: summary()["sent"] == 1)
    assert ask("commands", "pause", given)["rollout"]["state"] == "paused"
    mark.touch()
    eventually(lambda: summary()["succeeded"] == 1)
    assert summary()["waiting"] == 1
    ask("commands", "resume", given)
    eventually(lambda: summary()["succeeded"] == 2)

    mark.unlink()
    given = json.loads(edgectl("run", "--on", "cluster:jobs", "-c", "1", "--no-wait", "-o", "json", waits))["id"]
    eventually(lambda: summary()["sent"] == 1)
    assert ask("commands", "stop", given, "-y")["rollout"]["reason"] == "stopped"
    mark.touch()
    eventually(lambda: ask("commands", "show", given)["state"] == "finished")
    assert (summary()["succeeded"], summary()["skipped"]) == (1, 1)


def test_key_of_a_cluster_sees_its_part_of_a_rollout(machines, agents):
    reached = {"name": "jobs only", "role": "viewer", "clusters": [machines.cluster]}
    made = machines.api.call("POST", "/api/v1/api_keys", reached)
    assert made.status == 201, made.text
    command = machines.run("true", rollout={"max_concurrency": 1})
    machines.results_of(command, 2)
    shown = Api(machines.api.url, made.data["key"]).get(f"/api/v1/commands/{command}")
    assert shown.data["summary"]["total"] == 2, shown.text


def test_schedule_gives_its_command_when_its_time_has_come(cloud, edgectl, ask, names):
    edgectl("schedules", "create", "--name", "tidy", "--command", "echo tidied", "--on", "cluster:jobs", "--at", "4s")
    edgectl("schedules", "create", "--name", "nightly", "--command", "true", "--on", "till-1", "--cron", "0 2 * * *")
    edgectl("schedules", "update", "nightly", "--cron", "30 2 * * *", "--name", "weekly")
    edgectl("schedules", "pause", "weekly")
    edgectl("schedules", "resume", "weekly")
    assert {row["name"] for row in ask("schedules", "list", "--state", "active")} == {"tidy", "weekly"}

    [run] = eventually(lambda: _minute(cloud) or ask("schedules", "runs", "tidy"))
    assert run["result"] == "created"
    outputs = [row["output"] for row in eventually(lambda: _all_ended(ask, run["command_id"]))]
    assert outputs == ["tidied\n"] * 2
    assert ask("schedules", "show", "tidy")["state"] == "finished"
    for name in ("tidy", "weekly"):
        edgectl("schedules", "delete", name, "-y")


def _minute(cloud):
    """What happens every minute, as far as schedules are concerned."""
    call_scheduled(local_client(cloud.emulator_url, "lambda"), [cloud.function_name("sweep_commands")])


def test_saved_script_is_run_with_its_values(edgectl, ask, names):
    saved = {"script_text": "echo hello $WHO", "parameters": [{"name": "WHO", "type": "string"}]}
    for text in ("echo bye", saved["script_text"]):
        edgectl("api", "PUT", "/api/v1/scripts/greet", "--data", json.dumps({**saved, "script_text": text}))
    assert [(row["name"], row["version"]) for row in ask("scripts", "list")] == [("greet", 2)]

    given = ask("scripts", "run", "greet", "--on", "till-1", "--set", "WHO=Ada", "--no-wait")
    [execution] = eventually(lambda: _all_ended(ask, given["id"]))
    assert execution["output"] == "hello Ada\n"
    edgectl("scripts", "delete", "greet", "-y")


@pytest.mark.skipif(SSH is None, reason="no ssh client on this machine")
def test_person_is_let_in_on_a_cluster_until_access_is_revoked(edgectl, ask, names, agents, tmp_path):
    port = eventually(lambda: logged(agents[0], "ssh.listening"))[-1]["port"]
    client = SshClient(tmp_path, port, agents[0].folder / "state" / "ssh_host_key")
    key, other = client.new_key("key"), client.new_key("other")

    ada = ask("ssh-groups", "create", "--username", "ada", "--cluster", "jobs", "--key-file", f"{key.path}.pub")
    assert client.by_key("ada", key, "echo in").output == "in\n"
    edgectl("ssh-groups", "update", ada["id"], "--key-file", f"{other.path}.pub")
    assert client.by_key("ada", key, "true").was_refused
    assert client.by_key("ada", other, "true").status == 0
    assert [row["id"] for row in ask("ssh-groups", "list", "--username", "ada")] == [ada["id"]]
    assert ask("ssh-groups", "show", ada["id"])["last_verified_at"] is not None
    edgectl("ssh-users", "create", "till-1", "--username", "ada", "--key-file", f"{key.path}.pub")

    with ThreadPoolExecutor() as background:
        session = background.submit(client.by_key, "ada", other, f"touch {tmp_path}/in; sleep 300")
        eventually((tmp_path / "in").exists)
        edgectl("ssh-groups", "revoke", "--user", "ada", "-y")
        assert session.result(SECONDS).status != 0
        assert logged(agents[0], "ssh.access_ended", username="ada")
    assert client.by_key("ada", other, "true").was_refused
    assert client.by_key("ada", key, "true").was_refused
    eventually(lambda: not ask("ssh-groups", "list", "--username", "ada"))
    eventually(lambda: not ask("ssh-users", "list", "--username", "ada"))


def test_machine_is_known_by_its_host_key(edgectl, names, agents):
    key = (agents[0].folder / "state" / "ssh_host_key.pub").read_text().strip()
    [line] = edgectl("ssh", "known-hosts", "--on", names[0]).splitlines()
    assert line.split(" ", 1)[1] == key


# Slow: the test of a person revokes access on the same way, by name.
@pytest.mark.slow
@pytest.mark.skipif(SSH is None, reason="no ssh client on this machine")
def test_stolen_key_is_taken_from_everybody_who_has_it(edgectl, ask, names, agents, tmp_path):
    port = eventually(lambda: logged(agents[0], "ssh.listening"))[-1]["port"]
    client = SshClient(tmp_path, port, agents[0].folder / "state" / "ssh_host_key")
    stolen = client.new_key("stolen")
    key_file = ("--key-file", f"{stolen.path}.pub")
    edgectl("nodes", "label", "till-1", "--set", "shelf=lower")
    edgectl("ssh-users", "create", "till-1", "--username", "eve", *key_file)
    bob = ask("ssh-groups", "create", "--username", "bob", "--label", "shelf=lower", *key_file)
    assert client.by_key("bob", stolen, "true").status == 0

    edgectl("ssh-groups", "revoke", "--fingerprint", stolen.fingerprint, "-y")
    assert client.by_key("bob", stolen, "true").was_refused
    assert client.by_key("eve", stolen, "true").was_refused
    eventually(lambda: not ask("ssh-keys", "list", "--username", "eve"))
    eventually(lambda: not ask("ssh-groups", "show", bob["id"])["public_keys"])
    edgectl("ssh-groups", "delete", bob["id"], "-y")


def test_machine_is_enrolled_moved_and_runs_what_it_missed(edgectl, ask, machines, names):
    key = ask("keys", "create", "jobs", "--uses", "1")["key"]
    assert "install.sh" in edgectl("keys", "create", "jobs", "--uses", "1")
    newcomer = machines.machine(key)
    start_connected(newcomer)
    node_id = newcomer.node_id()

    newcomer.stop()
    given = json.loads(edgectl("run", "--on", node_id, "--expires", "1h", "--no-wait", "-o", "json", "echo late"))
    start_connected(newcomer)
    [execution] = eventually(lambda: _all_ended(ask, given["id"]))
    assert execution["output"] == "late\n"
    assert "late" in edgectl("executions", "list", "--command", given["id"], "-o", "csv", "--columns", "id,output")

    edgectl("clusters", "create", "--name", "jobs-south")
    edgectl("nodes", "move", node_id, "--to", "jobs-south")
    assert [row["id"] for row in ask("nodes", "list", "--cluster", "jobs-south")] == [node_id]
    edgectl("nodes", "delete", node_id, "-y")
    edgectl("clusters", "delete", "jobs-south", "-y")


def test_key_of_a_person_is_rotated(edgectl, ask, monkeypatch):
    made = ask("api-keys", "create", "--name", "ada", "--role", "viewer")
    rotated = ask("api-keys", "rotate", "ada", "--overlap-seconds", "0")
    with monkeypatch.context() as hers:
        hers.setenv("EDGE_KEY", rotated["key"])
        assert edgectl("nodes", "list", "-o", "json")
        hers.setenv("EDGE_KEY", made["key"])
        edgectl("nodes", "list", code=REFUSED)
    edgectl("api-keys", "revoke", "ada", "-y")


def test_service_is_told_by_a_webhook(edgectl, ask, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    receiver = Receiver()
    try:
        url, event = receiver.url("/alerts"), "edge.node.status_changed"
        hook = ask("webhooks", "create", "--url", url, "--secret-file", str(tmp_path / "secret"), "--event", event)
        edgectl("webhooks", "test", hook["id"])
        eventually(lambda: receiver.received("/alerts"))
        edgectl("webhooks", "delete", hook["id"], "-y")
    finally:
        receiver.close()


def test_deleted_machine_is_gone_from_the_list(edgectl, ask, names):
    first = ask("nodes", "show", "till-1")["id"]
    edgectl("nodes", "delete", "till-2", "--yes")
    assert [row["id"] for row in ask("nodes", "list", "--cluster", "jobs")] == [first]
