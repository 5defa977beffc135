import asyncio
import io
import os
import signal

import asyncssh
import pytest
from edge_agent.event_log import EventLog
from edge_agent.ssh_connection import SshConnection, SshLimits

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.memory_ports import MemoryPorts
from samples.agent.tests.support.ssh_agent_process import PASSWORD, SshAgent
from samples.agent.tests.support.stub_server import BLOCKED, REMOVED, StubServer

CHECK = "/agents/ssh_usernames/check_sessions"


def only_the_agent_is_left(ssh):
    return ssh.agents.processes() == [ssh.agent.process.pid]


def test_command_returns_both_outputs_and_its_exit_status(ssh):
    done = ssh.run("echo out; echo problem >&2; exit 7")
    assert (done.stdout, done.stderr, done.exit_status) == ("out\n", "problem\n", 7)


def test_command_runs_as_the_agents_user_in_its_home(ssh):
    done = ssh.run("id -u; pwd; echo $EDGE_SSH_USERNAME; echo ${ENROLLMENT_KEY-none}; ps -o pid=,sid=,pgid= -p $$")
    user, folder, username, key, ids = done.stdout.splitlines()
    assert (int(user), username, key) == (os.getuid(), "ada", "none")
    assert os.path.samefile(folder, os.path.expanduser("~"))  # noqa: PTH111, PTH121 - the shell's own idea of it
    assert len(set(ids.split())) == 1


def test_variables_of_the_client_other_than_the_language_are_dropped(ssh):
    sent = {"LC_TIME": "C.UTF-8", "LD_PRELOAD": "/tmp/evil.so", "PATH": "/tmp"}
    done = ssh.run("echo $LC_TIME ${LD_PRELOAD-none} $PATH", env=sent)
    assert done.stdout == f"C.UTF-8 none {os.environ['PATH']}\n"


def test_standard_input_arrives_completely_and_ends(ssh):
    data = os.urandom(1_500_000)
    done = ssh.run("cat", input=data, encoding=None)
    assert (done.stdout == data, done.exit_status) == (True, 0)


def test_large_output_arrives_completely_at_a_slow_reader(ssh):
    async def read_slowly():
        async with ssh.connect() as connection:
            process = await connection.create_process("head -c 4000000 /dev/zero", encoding=None)
            await asyncio.sleep(1.2)  # longer than a silent output is waited for
            return len((await process.communicate())[0]), process.exit_status

    assert asyncio.run(read_slowly()) == (4_000_000, 0)


def test_unread_input_does_not_block_the_session(ssh):
    done = ssh.run("exec <&-; echo closed", input=b"x" * 3_000_000, encoding=None)
    assert done.stdout == b"closed\n"


def test_shell_has_a_controlling_terminal_of_the_clients_size(ssh):
    async def interactive():
        async with ssh.connect() as connection:
            options = {"term_type": "vt100", "term_size": (91, 33)}
            shell = await connection.create_process(**options)
            shell.stdin.write("stty -echo; echo $TERM $(stty size) $(tty </dev/tty) begin$((40+2))\n")
            first = await shell.stdout.readuntil("begin42")
            shell.change_terminal_size(120, 50)
            shell.stdin.write("echo $(stty size) end$((40+2)); exit 5\n")
            second = await shell.stdout.readuntil("end42")
            done = await shell.wait()
            return first, second, done.exit_status

    first, second, exit_status = asyncio.run(interactive())
    assert "vt100 33 91 /dev/" in first
    assert "50 120 end42" in second
    assert exit_status == 5


def test_command_with_a_terminal_and_shell_without_one_run(ssh):
    assert ssh.run("test -t 0 && test -t 1 && echo terminal", term_type="xterm").stdout.strip() == "terminal"
    assert ssh.run(input="test -t 0 || echo none; exit 3\n").stdout.splitlines()[-1] == "none"


def test_interrupt_key_signals_the_foreground_program(ssh):
    async def interrupted():
        async with ssh.connect() as connection:
            text = "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done"
            process = await connection.create_process(text, term_type="xterm")
            await process.stdout.readuntil("ready")
            process.stdin.write("\x03")
            return (await process.wait()).exit_status

    assert asyncio.run(interrupted()) == 9


@pytest.mark.parametrize(("name", "status"), [("TERM", 143), ("KILL", 137)])
def test_signal_of_the_client_reaches_the_group(ssh, name, status):
    async def signalled():
        async with ssh.connect() as connection:
            process = await connection.create_process("echo ready; sleep 300; true")
            await process.stdout.readuntil("ready")
            process.send_signal(name)
            return (await process.wait()).exit_status

    assert asyncio.run(signalled()) == status
    eventually(lambda: only_the_agent_is_left(ssh), what="the end of the group")


def test_process_that_holds_the_output_after_the_end_is_killed(ssh):
    done = ssh.run("sleep 300 & echo started")
    assert (done.stdout, done.exit_status) == ("started\n", 0)
    eventually(lambda: only_the_agent_is_left(ssh), what="the end of the background process")


@pytest.mark.parametrize("terminal", [None, "xterm"])
def test_lost_connection_kills_the_processes_of_its_sessions(ssh, terminal):
    ends = len(ssh.agent.logged("ssh.session_ended", exit_code=None))

    async def cut_off():
        connection = await ssh.connect()
        shell = await connection.create_process(term_type=terminal)
        # With job control, each job has a group of its own.
        shell.stdin.write("set -m; trap '' HUP; nohup sleep 300 & sleep 301 & echo up$((40+2)); sleep 302\n")
        await shell.stdout.readuntil("up42")
        running = len(ssh.agents.processes())
        connection.abort()
        await connection.wait_closed()
        return running

    assert asyncio.run(cut_off()) >= 4
    eventually(lambda: only_the_agent_is_left(ssh), what="the end of the session")
    eventually(lambda: ssh.agent.logged("ssh.session_ended", exit_code=None)[ends:], what="the log")


@pytest.mark.parametrize("terminal", [pytest.param(None, marks=pytest.mark.slow), "xterm"])
def test_program_of_a_lost_connection_has_time_to_save(server, tmp_path, terminal):
    running = SshAgent(server, tmp_path, "--cancel-grace-seconds", "60")
    saved = tmp_path / "saved"

    async def cut_off():
        connection = await running.connect()
        text = f"trap 'echo saved > {saved}; exit' HUP; echo up; while :; do sleep 0.05; done"
        process = await connection.create_process(text, term_type=terminal)
        await process.stdout.readuntil("up")
        connection.abort()
        await connection.wait_closed()

    with running.agents:
        asyncio.run(cut_off())
        eventually(saved.exists, what="what was saved")
        eventually(lambda: only_the_agent_is_left(running), what="the end of the session")
    assert saved.read_text() == "saved\n"


def test_forwarding_and_subsystems_are_refused(ssh):
    async def ask_for_everything():
        async with ssh.connect() as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", ssh.port)
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_unix_connection("/var/run/nothing.sock")
            with pytest.raises(asyncssh.ChannelListenError):
                await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", ssh.port)
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.start_sftp_client()
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.run("true", x11_forwarding=True, x11_display="127.0.0.1:7")
            return (await connection.run("echo ${SSH_AUTH_SOCK-none}")).stdout

    assert asyncio.run(ask_for_everything()) == "none\n"


def test_sessions_above_the_limit_of_a_connection_are_refused(ssh):
    async def nine():
        async with ssh.connect() as connection:
            processes = [await connection.create_process("cat") for _ in range(8)]
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.create_process("cat")
            done = await asyncio.gather(*(process.communicate(f"{n}") for n, process in enumerate(processes)))
            again = await connection.run("echo again")
            return [output for output, _ in done], again.stdout

    assert asyncio.run(nine()) == ([str(n) for n in range(8)], "again\n")


def test_log_has_sessions_and_no_secrets(ssh):
    ssh.run("echo hidden-command")
    ssh.refused(username="hidden-name", password="hidden-password")
    started = ssh.agent.logged("ssh.session_started", kind="command")[-1]
    ssh.agent.wait_for("ssh.session_ended", connection=started["connection"], exit_code=0)
    assert ssh.agent.logged("ssh.login", username="ada", method="password", result="accepted")
    assert "hidden" not in ssh.agent.stderr
    assert PASSWORD not in ssh.agent.stderr


def test_stopping_agent_ends_all_sessions(server, tmp_path):
    running = SshAgent(server, tmp_path, "--cancel-grace-seconds", "1")

    async def until_stopped():
        async with running.connect() as connection:
            shell = await connection.create_process("trap '' TERM HUP; echo up; sleep 300; sleep 300")
            await shell.stdout.readuntil("up")
            running.agent.process.send_signal(signal.SIGTERM)
            await connection.wait_closed()

    with running.agents:
        asyncio.run(until_stopped())
        assert running.agent.wait() == 0
        eventually(lambda: running.agents.processes() == [], what="the end of the session")


def test_connection_of_a_user_without_access_is_closed_and_others_go_on(server, tmp_path):
    running = SshAgent(server, tmp_path, "--ssh-check-seconds", "1", "--cancel-grace-seconds", "1")
    server.passwords["eve"] = PASSWORD

    async def revoked():
        async with running.connect(username="eve") as theirs, running.connect() as ours:
            process = await theirs.create_process("echo up; sleep 300")
            await process.stdout.readuntil("up")
            await asyncio.to_thread(eventually, lambda: server.seen("POST", CHECK), what="a question")
            server.passwords.pop("eve")
            await theirs.wait_closed()
            return (await ours.run("echo still here")).stdout

    with running.agents:
        assert asyncio.run(revoked()) == "still here\n"
        eventually(lambda: only_the_agent_is_left(running), what="the end of the program")
    [ended] = running.agent.logged("ssh.access_ended")
    assert ended["username"] == "eve"
    asked = server.seen("POST", CHECK)[0].body["sessions"]
    assert {(each["username"], each["fingerprint"], each["checked_at"]) for each in asked} <= {
        (name, None, "2026-11-21T10:00:00Z") for name in ("ada", "eve")
    }


@pytest.mark.parametrize("told", [REMOVED, BLOCKED])
def test_node_that_is_shut_out_ends_all_sessions_and_admits_nobody(server, tmp_path, told):
    running = SshAgent(server, tmp_path, "--ssh-check-seconds", "1", "--cancel-grace-seconds", "1")

    async def shut_out():
        async with running.connect() as connection:
            process = await connection.create_process("echo up; sleep 300")
            await process.stdout.readuntil("up")
            server.removed = told
            await connection.wait_closed()

    with running.agents:
        asyncio.run(shut_out())
        eventually(lambda: only_the_agent_is_left(running), what="the end of the program")
        with pytest.raises(asyncssh.DisconnectError):
            running.run("true")


def test_open_connections_go_on_while_the_server_gives_no_answer(server, tmp_path):
    running = SshAgent(server, tmp_path, "--ssh-check-seconds", "1")

    async def through_an_outage():
        async with running.connect() as connection:
            server.down = True
            await asyncio.to_thread(running.agent.wait_for, "ssh.check_failed")
            return (await connection.run("echo on")).stdout

    with running.agents:
        assert asyncio.run(through_an_outage()) == "on\n"


class Client:
    """The part of the library's connection that an idle one uses."""

    reason = None

    def get_extra_info(self, name):
        return ("127.0.0.1", 40022)

    def disconnect(self, code, reason):
        self.reason = reason


def test_idle_time_starts_at_the_last_byte():
    ports, client, log = MemoryPorts(StubServer()), Client(), io.StringIO()
    connection = SshConnection(
        1,
        login=None,
        limits=SshLimits(idle_seconds=60, hang_up_seconds=1),
        environment={},
        spawn=None,
        admit=lambda _: True,
        left=lambda _: None,
        processes=ports.processes,
        clock=ports.clock,
        log=EventLog(log, ports.clock),
    )

    async def scenario():
        connection.connection_made(client)
        for _ in range(10):
            await ports.clock.sleep(59)
            connection.note_activity()
        assert client.reason is None
        await ports.clock.sleep(61)

    ports.run(scenario())
    assert client.reason == "idle for too long"
    assert "ssh.idle" in log.getvalue()


def test_idle_connection_is_closed_with_its_program(server, tmp_path):
    running = SshAgent(server, tmp_path, "--ssh-idle-seconds", "3", "--cancel-grace-seconds", "1")

    async def silent():
        async with running.connect() as connection:
            process = await connection.create_process("echo up; sleep 300")
            await process.stdout.readuntil("up")
            await connection.wait_closed()

    with running.agents:
        asyncio.run(silent())
        eventually(lambda: only_the_agent_is_left(running), what="the end of the silent program")
        running.agent.wait_for("ssh.idle")
        assert len(running.agent.logged("ssh.idle")) == 1
