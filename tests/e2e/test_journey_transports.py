"""Agents that no WebSocket reaches."""

import json

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.e2e.cloud import eventually, fleet, logged

PATIENCE_SECONDS = 30.0


@pytest.fixture
def remote(cloud):
    with fleet(cloud, "remote") as remote:
        yield remote


def token_of(agent):
    """The token that the agent keeps: the API does not show it."""
    return json.loads((agent.folder / "state" / "identity.json").read_text())["api_token"]


def start_without_socket(remote, link, *arguments):
    link.takes_websockets = False
    agent = remote.machine()
    agent.start(*arguments, environment=link.environment)
    eventually(lambda: logged(agent, "agent.enrolled") and logged(agent, "websocket.lost"))
    return agent


def test_heartbeat_delivers_a_command_whose_wake_up_was_lost(cloud, remote):
    agent = remote.machine()
    agent.start()
    eventually(lambda: logged(agent, "websocket.connected"))
    token = token_of(agent)
    agent.stop()

    with connect(cloud.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        execution_id = remote.only(remote.run("true", agent), "pending")["id"]

        def is_wake_up(text):
            frame = json.loads(text)
            return (frame["type"], frame["ids"]) == ("executions", [execution_id])

        # The hint of the request and the delivery by the stream: this agent does not heed them.
        assert all(is_wake_up(socket.recv(PATIENCE_SECONDS)) for _ in range(2))

        socket.send('{"type": "ping"}')

        assert is_wake_up(socket.recv(PATIENCE_SECONDS))

        with connect(cloud.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}):
            socket.send('{"type": "ping"}')  # on the older of two, at which nothing is told any more
            with pytest.raises(ConnectionClosed):
                socket.recv(PATIENCE_SECONDS)


def test_polling_alone_delivers_commands_and_cancellations(remote, link):
    agent = start_without_socket(remote, link)

    assert remote.only(remote.run("echo polled", agent), "completed")["output"] == "polled\n"
    long = remote.run("sleep 600", agent)
    execution_id = remote.only(long, "sent")["id"]
    answer = remote.api.call("PATCH", f"/api/v1/command_executions/{execution_id}/cancel")

    assert answer.status == 200
    assert remote.only(long, "cancelled")["exit_code"] == 143
    assert not logged(agent, "websocket.connected")


# Slow: for functions in a network that reaches machines; push is off by default.
@pytest.mark.slow
def test_push_alone_delivers_commands_and_cancellations(remote, link):
    agent = start_without_socket(remote, link, "--push-port", "0", "--label", "way=push")
    eventually(lambda: logged(agent, "push.listening"))
    # An agent runs nothing before it has seen once what was cancelled while it was away.
    remote.only(remote.run("true", agent), "completed")
    link.lose_requests("GET", "/agents/command_executions$")

    # In waves, so that the executions are not made by the request.
    filters = {"node_filters": {"labels": "way:push"}, "cluster_filters": {"name": remote.cluster}}
    given = remote.run("echo pushed", targeting={"type": "all", **filters}, rollout={"max_concurrency": 1})
    pushed = remote.only(given, "completed")
    assert pushed["output"] == "pushed\n"
    assert logged(agent, "execution.pushed", execution_id=pushed["id"])
    long = remote.run("sleep 600", agent)
    execution_id = remote.only(long, "sent")["id"]
    answer = remote.api.call("PATCH", f"/api/v1/command_executions/{execution_id}/cancel")

    assert answer.status == 200
    assert remote.only(long, "cancelled")["exit_code"] == 143
    assert not logged(agent, "execution.fetched", execution_id=execution_id)
