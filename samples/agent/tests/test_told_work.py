"""Wake-ups that bring the work: it is claimed, and run only if the server gives it."""

from samples.agent.tests.support.eventually import eventually

LIST = ("GET", "/agents/command_executions")
CLAIM = ("PATCH", "/agents/command_executions/acknowledge")


def done(server, execution_id, agent):
    return eventually(lambda: server.final(execution_id), what=agent.stderr)


def settled(server, agents, *arguments):
    """A connected agent that has fetched all its lists."""
    agent = agents.connected(*arguments)
    eventually(lambda: len(server.seen(*LIST)) >= 2 and not server.executions, what="the first lists")
    done(server, server.add("true", wake=True), agent)
    agent.wait_for("execution.reported")
    server.requests.clear()
    return agent


def asked(server):
    """The requests about executions, in order."""
    with server.lock:
        of = [request for request in server.requests if request.path.startswith("/agents/command_executions")]
    return [(request.method, request.path.rpartition("/")[2]) for request in of]


def test_told_work_takes_a_claim_and_a_report(server, agents):
    agent = settled(server, agents)
    execution_id = server.add("echo told")
    server.tell(execution_id)
    assert done(server, execution_id, agent)["output"] == "told\n"
    agent.wait_for("execution.reported", execution_id=execution_id)
    assert asked(server) == [("PATCH", "acknowledge"), ("PATCH", "result")]


def test_one_claim_takes_several_executions(server, agents):
    agent = settled(server, agents)
    ids = [server.add(f"echo {place}") for place in range(4)]
    server.tell(*ids)
    assert [done(server, each, agent)["output"] for each in ids] == [f"{place}\n" for place in range(4)]
    assert [request.body["ids"] for request in server.seen(*CLAIM)] == [ids]
    assert server.seen(*LIST) == []


def test_list_of_several_is_claimed_by_one_request(server, agents):
    ids = [server.add("true") for _ in range(3)]
    agent = agents.connected()
    for each in ids:
        done(server, each, agent)
    assert [sorted(request.body["ids"]) for request in server.seen(*CLAIM)] == [sorted(ids)]


def test_work_that_the_server_does_not_give_is_not_run(server, agents, tmp_path):
    agent = settled(server, agents)
    gone = "01900000-0000-7000-8000-00000000dead"
    ids = [server.add(f"echo {status} >> {tmp_path}/runs", status=status) for status in ("cancelled", "expired")]
    server.tell(*ids)
    for each in ids:
        agent.wait_for("execution.not_given", execution_id=each)
    with_text = {"id": gone, "command_id": gone, "command_text": f"echo gone >> {tmp_path}/runs"}
    server.send({"type": "executions", "ids": [gone], "work": [with_text]})
    agent.wait_for("execution.not_given", execution_id=gone)
    last = server.add("true")
    server.tell(last)
    done(server, last, agent)
    assert not (tmp_path / "runs").exists()
    # It is over for good: nothing is looked up again.
    assert server.seen(*LIST) == []


def test_repeated_and_late_wake_ups_run_nothing_again(server, agents, tmp_path):
    agent = settled(server, agents)
    execution_id = server.add(f"echo ran >> {tmp_path}/runs")
    for _ in range(3):
        server.tell(execution_id)
    done(server, execution_id, agent)
    agent.wait_for("execution.reported", execution_id=execution_id)
    server.tell(execution_id)
    eventually(lambda: len(agent.logged("execution.wake_up", execution_id=execution_id)) == 4, what="four wake-ups")
    last = server.add("true")
    server.tell(last)
    done(server, last, agent)
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert [request.body["ids"] for request in server.seen(*CLAIM)] == [[execution_id], [last]]


def test_claim_without_an_answer_loses_no_command(server, agents, tmp_path):
    agent = settled(server, agents)
    server.fail(*CLAIM, processed=True)
    execution_id = server.add(f"echo ran >> {tmp_path}/runs")
    server.tell(execution_id)
    assert done(server, execution_id, agent)["exit_code"] == 0
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_claim_that_never_arrived_is_made_up_by_the_list(server, agents):
    agent = settled(server, agents)
    server.fail(*CLAIM)
    execution_id = server.add("echo listed")
    server.tell(execution_id)
    assert done(server, execution_id, agent)["output"] == "listed\n"


def test_server_without_claims_is_asked_for_one_at_a_time(server, agents):
    server.takes_several = False
    ids = [server.add("true") for _ in range(3)]
    agent = agents.connected()
    for each in ids:
        done(server, each, agent)
    more = [server.add("true") for _ in range(3)]
    server.send({"type": "executions", "ids": more})
    for each in more:
        done(server, each, agent)
    assert len(server.seen(*CLAIM)) == 1


def test_work_that_cannot_be_read_is_fetched(server, agents):
    agent = settled(server, agents)
    execution_id = server.add("echo fetched")
    for work in (None, "text", [7], [{"id": execution_id}], [{"id": execution_id, "command_id": "x"}]):
        server.send({"type": "executions", "ids": [execution_id], "work": work})
    assert done(server, execution_id, agent)["output"] == "fetched\n"


def test_work_whose_id_was_not_announced_is_not_claimed(server, agents):
    agent = settled(server, agents)
    execution_id, other = server.add("true"), server.add("true", status="cancelled")
    work = {"id": other, "command_id": other, "command_text": "true"}
    server.send({"type": "executions", "ids": [execution_id], "work": [work]})
    done(server, execution_id, agent)
    assert agent.logged("execution.wake_up", execution_id=other) == []


def test_told_work_past_its_deadline_is_reported_as_expired(server, agents):
    agent = settled(server, agents)
    execution_id = server.add("true", expired_at="2026-01-01T00:00:00Z")
    server.tell(execution_id)
    assert done(server, execution_id, agent)["status"] == "expired"


def test_secrets_of_told_work_are_fetched(server, agents):
    agent = settled(server, agents)
    execution_id = server.add_with_secrets('echo "${#PASSWORD}"', PASSWORD="hunter2-hunter2")
    server.tell(execution_id)
    assert done(server, execution_id, agent)["output"] == "15\n"
