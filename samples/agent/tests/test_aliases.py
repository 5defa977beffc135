from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.stub_server import error

PATH = "/agents/aliases"


def asked(server):
    return [request.body["name"] for request in server.seen("POST", PATH)]


def test_aliases_are_registered_at_every_start(server, agents):
    for starts in (1, 2):
        agent = agents.connected("--alias", "gate", "--alias", "north-gate", "--alias", "gate", key="environment")
        agent.wait_for("alias.registered", alias="north-gate")
        assert asked(server) == ["gate", "north-gate"] * starts
        agent.stop()


def test_alias_taken_or_refused_delays_nothing(server, agents):
    server.alias_answers["taken"] = error(409, "conflict", "name has already been taken")
    server.alias_answers["no_name"] = error(422, "validation_failed", "Validation failed")
    agent = agents.connected("--alias", "taken", "--alias", "no_name", "--alias", "good")
    agent.wait_for("alias.registered", alias="good")
    assert "already been taken" in agent.logged("alias.taken", alias="taken")[0]["reason"]
    assert "422" in agent.logged("alias.refused", alias="no_name")[0]["reason"]
    assert asked(server) == ["taken", "no_name", "good"]
    execution_id = server.add("true", wake=True)
    eventually(lambda: server.final(execution_id), what=agent.stderr)


def test_aliases_after_an_outage_or_a_new_enrolment_are_registered_again(server, agents):
    server.fail("POST", PATH, status=503)
    agent = agents.connected("--alias", "gate")
    agent.wait_for("alias.waiting", alias="gate")
    agent.wait_for("alias.registered", alias="gate")
    assert len(asked(server)) == 2
    # An operator deletes the node: its token is not known any more.
    server.tokens.clear()
    server.previous_tokens.clear()
    server.disconnect()
    eventually(lambda: len(agent.logged("agent.enrolled")) == 2, what=agent.stderr)
    eventually(lambda: len(asked(server)) == 3, what=agent.stderr)
