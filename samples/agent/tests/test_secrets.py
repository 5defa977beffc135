"""Commands with secrets: the values reach the command, and nothing that stays."""

import pytest

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.memory_machine import Machine, final, server_without_sockets

VALUE = "hunter2-hunter2-hunter2"


def done(server, execution_id, agent):
    return eventually(lambda: server.final(execution_id), what=agent.stderr)


def fetches(server, execution_id):
    return len(server.seen("GET", f"/agents/command_executions/{execution_id}/environment"))


class TestProcesses:
    def test_command_finds_its_secrets_and_its_output_hides_them(self, server, agents):
        agent = agents.connected()
        text = 'echo "$EDGE_SECRETS"; echo "${#PASSWORD} $PASSWORD"; echo "$TOKEN" >&2'
        execution_id = server.add_with_secrets(text, wake=True, PASSWORD=VALUE, TOKEN="another-one")

        item = done(server, execution_id, agent)

        assert (item["exit_code"], item["output"]) == (0, "PASSWORD TOKEN\n23 ***\n***\n")

    def test_value_is_in_no_file_and_no_line_of_the_agent(self, server, agents, tmp_path):
        agent = agents.connected()
        execution_id = server.add_with_secrets('echo "$PASSWORD"', wake=True, PASSWORD=VALUE)
        done(server, execution_id, agent)
        agent.wait_for("execution.reported")

        kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert kept
        assert not any(VALUE.encode() in content for content in kept)
        assert VALUE not in agent.stderr
        assert VALUE not in repr(server.results(execution_id))

    def test_command_without_secrets_finds_none(self, server, agents):
        agent = agents.connected()
        assert done(server, server.add('echo "[$EDGE_SECRETS]"', wake=True), agent)["output"] == "[]\n"

    def test_secret_that_no_longer_exists_ends_the_execution_and_says_so(self, server, agents):
        agent = agents.connected()
        execution_id = server.add("echo never", secret_variables=["PASSWORD"], wake=True)

        item = done(server, execution_id, agent)

        assert item["exit_code"] == 126
        assert "could not be started" in item["output"]
        assert "the secret 'gone' does not exist" in item["output"]
        assert "never" not in item["output"]

    def test_server_that_gives_other_secrets_is_not_trusted(self, server, agents):
        agent = agents.connected()
        execution_id = server.add_with_secrets("echo never", PASSWORD=VALUE)
        server.secrets[execution_id] = {"LD_PRELOAD": "x"}
        server.send({"type": "executions", "ids": [execution_id]})

        item = done(server, execution_id, agent)
        assert (item["exit_code"], "other secrets" in item["output"]) == (126, True)


class TestTrouble:
    @pytest.fixture
    def server(self):
        return server_without_sockets()

    @pytest.fixture
    def machine(self, server):
        return Machine(server)

    def test_server_that_is_busy_is_asked_again(self, server, machine):
        execution_id = server.add_with_secrets("1 0 run", PASSWORD=VALUE)
        server.secrets_status = 503

        async def outage(ports):
            while fetches(server, execution_id) < 3:
                await ports.clock.sleep(1)
            server.secrets_status = 200
            await final(server, execution_id)(ports)

        ports = machine.run(outage)

        assert (server.final(execution_id)["output"], fetches(server, execution_id)) == ("run", 4)
        assert len(ports.processes.started) == 1
        assert VALUE not in machine.log.getvalue()

    def test_cancelled_while_it_waits_for_its_secrets_never_runs(self, server, machine):
        execution_id = server.add_with_secrets("1 0 run", PASSWORD=VALUE)
        server.secrets_status = 503

        async def cancel(ports):
            while not fetches(server, execution_id):
                await ports.clock.sleep(1)
            server.cancel(execution_id, wake=False)
            await final(server, execution_id)(ports)

        ports = machine.run(cancel)
        assert (server.final(execution_id)["exit_code"], ports.processes.started) == (143, [])

    def test_commands_that_wait_for_secrets_keep_no_others_from_running(self, server, machine):
        waiting = [server.add_with_secrets(f"1 0 late-{number}", PASSWORD=VALUE) for number in range(6)]
        server.secrets_status = 503

        async def others(ports):
            await ports.clock.sleep(600)
            assert all(fetches(server, execution_id) for execution_id in waiting)
            plain = server.add("1 0 meanwhile", wake=True)
            await ports.clock.sleep(60)
            assert server.executions[plain]["output"] == "meanwhile"
            assert [server.final(execution_id) for execution_id in waiting] == [None] * 6
            server.secrets_status = 200
            for execution_id in waiting:
                await final(server, execution_id)(ports)

        ports = machine.run(others)
        assert [server.final(execution_id)["output"] for execution_id in waiting] == [f"late-{n}" for n in range(6)]
        assert len(ports.processes.started) == 7

    def test_wait_for_secrets_ends_with_the_deadline(self, server, machine):
        execution_id = server.add_with_secrets("1 0 run", PASSWORD=VALUE)
        server.executions[execution_id]["expired_at"] = "2026-01-01T00:10:00Z"
        server.secrets_status = 503
        ports = machine.run(final(server, execution_id))
        assert (server.final(execution_id)["status"], ports.processes.started) == ("expired", [])

    def test_restart_before_the_start_fetches_them_anew(self, server, machine):
        execution_id = server.add_with_secrets("1 0 run", PASSWORD="the-first-value")
        server.secrets_status = 503

        async def power_cut(ports):
            while not fetches(server, execution_id):
                await ports.clock.sleep(1)
            machine.disk = ports.disk.after_power_cut()

        machine.run(power_cut)
        server.secrets_status = 200
        server.secrets[execution_id] = {"PASSWORD": VALUE}
        ports = machine.run(final(server, execution_id))

        assert server.final(execution_id)["output"] == "run"
        assert ports.processes.environments[-1][b"PASSWORD"] == VALUE.encode()

    def test_watched_output_is_masked_too(self, server, machine):
        execution_id = server.add_with_secrets("600 0 the end", PASSWORD=VALUE)

        async def watch(ports):
            while not ports.processes.programs:
                await ports.clock.sleep(1)
            server.send({"type": "tail", "tail": "tail-1", "execution_id": execution_id, "seconds": 1000})
            for piece in ("the password is hunter2-", "hunter2-hunter2 now\n"):
                ports.processes.programs[0].write(piece)
                await ports.clock.sleep(5)
            await final(server, execution_id)(ports)

        ports = machine.run(watch)
        assert "".join(frame["text"] for frame in ports.network.sent).startswith("the password is *** now\n")
        assert "hunter2" not in repr(ports.network.sent)

    def test_deadline_that_passes_meanwhile_expires_it(self, server, machine):
        execution_id = server.add_with_secrets("1 0 run", PASSWORD=VALUE)
        server.executions[execution_id]["expired_at"] = "2000-01-01T00:00:00Z"
        machine.run(final(server, execution_id))

        assert (server.final(execution_id)["status"], fetches(server, execution_id)) == ("expired", 0)
