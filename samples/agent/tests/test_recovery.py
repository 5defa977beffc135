import base64
import json
import uuid

NODE_ID = str(uuid.UUID(int=7))


def recovery_key(server, node_id=NODE_ID):
    """A key that the server takes once."""
    text = json.dumps({"admin_urls": [server.url], "nonce": "n", "recovers": node_id})
    key = server.recovery_keys[node_id] = base64.b64encode(text.encode()).decode()
    return key


def test_machine_without_its_token_becomes_its_node_again_without_an_enrollment_key(server, agents):
    agent = agents.connected(key=None, environment={"ENROLLMENT_KEY": recovery_key(server)})
    agent.wait_for("agent.recovered")

    (registration,) = server.seen("POST", "/agents/nodes")
    assert (registration.token, "registration_token" in registration.body) == (None, False)
    assert server.seen("POST", "/agents/enrollment_keys/verify") == []
    assert registration.body["recovery_key"] not in agent.stderr


def test_key_of_another_node_is_refused_before_anything_is_sent(server, agents):
    other = str(uuid.UUID(int=8))
    agent = agents.start(key=None, environment={"ENROLLMENT_KEY": recovery_key(server, other)})
    refused = agent.wait_for("node.refused")

    assert other in refused["reason"]
    assert server.seen("POST", "/agents/nodes") == []


def test_key_that_the_server_refuses_leaves_the_agent_waiting(server, agents):
    key = recovery_key(server)
    server.recovery_keys.clear()
    agent = agents.start(key=None, environment={"ENROLLMENT_KEY": key})

    assert "recovery key" in agent.wait_for("node.refused")["reason"]
    assert agent.process.poll() is None
