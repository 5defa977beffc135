"""Operators remove nodes and clusters while something goes on there."""

from datetime import timedelta

from chalicelib.kit.clock import SystemClock, parse_time
from tests.e2e.cloud import eventually, fleet, logged


def test_deleting_a_node_cancels_its_open_executions(cloud, tap):
    with fleet(cloud, "closing") as closing:
        api = closing.api
        key = closing.new_key()
        agent = closing.machine(key["key"])
        agent.start("--max-parallel", "1")
        eventually(lambda: logged(agent, "websocket.connected"))
        node_id = agent.node_id()
        running, waiting = closing.run("sleep 600", agent), closing.run("true", agent)
        ids = {closing.only(running, "sent")["id"], closing.only(waiting, "sent")["id"]}
        assert api.call("DELETE", "/api/v1/clusters/closing").status == 409

        # Without its key the machine cannot come back as a new node.
        assert api.call("DELETE", f"/api/v1/enrollment_keys/{key['id']}").status == 204
        assert api.call("DELETE", f"/api/v1/nodes/{node_id}").status == 204

        assert api.get(f"/api/v1/nodes/{node_id}").status == 404
        for command_id in (running, waiting):
            assert closing.only(command_id, "cancelled")["exit_code"] is None
        eventually(lambda: logged(agent, "node.refused"))
        assert logged(agent, "agent.token_refused", node_id=node_id)
        assert logged(agent, "node.refused")[0]["reason"] == "the enrollment key was not accepted: invalid_key"
        assert agent.running
        dropped = "edge.command_execution.dropped"
        eventually(lambda: ids <= {_subject(each) for each in tap.envelopes() if each["type"] == dropped})


def test_deleted_node_enrols_again_only_after_an_operator_admits_it(cloud, tmp_path):
    with fleet(cloud, "again") as again:
        log = tmp_path / "log"
        agent = again.enrol()[0]
        node_id = agent.node_id()
        old = again.run(f"echo old >> {log}; sleep 600", agent)
        asked_at = parse_time(again.only(old, "sent")["inserted_at"])
        eventually(log.exists)
        known = len(list(agent.events()))
        # Times are kept in seconds: what is asked for in the second of an enrolment may be meant for the new node.
        eventually(lambda: SystemClock().now() > asked_at + timedelta(seconds=1))

        assert again.api.call("DELETE", f"/api/v1/nodes/{node_id}").status == 204

        eventually(lambda: logged(agent, "node.refused", since=known))
        assert not logged(agent, "agent.enrolled", since=known)
        assert again.api.call("POST", f"/api/v1/nodes/{node_id}/unblock").status == 200
        eventually(lambda: logged(agent, "agent.enrolled", since=known))
        eventually(lambda: logged(agent, "websocket.connected", since=known))
        assert agent.node_id() == node_id
        again.only(old, "cancelled")
        assert again.only(again.run("echo new", agent), "completed")["output"] == "new\n"
        assert log.read_text() == "old\n"


def test_deleting_a_cluster_removes_its_enrollment_keys(cloud):
    with fleet(cloud, "kept") as kept:
        api = kept.api
        assert api.call("POST", "/api/v1/clusters", {"name": "dropped"}).status == 201
        key = api.call("POST", "/api/v1/clusters/dropped/enrollment_keys", {}).data

        assert api.call("DELETE", "/api/v1/clusters/dropped").status == 204

        eventually(lambda: api.get(f"/api/v1/enrollment_keys/{key['id']}").status == 404)
        agent = kept.machine(key["key"])
        agent.start()
        eventually(lambda: logged(agent, "node.refused"))
        assert kept.nodes() == []


def _subject(envelope):
    return envelope["data"].get("command_execution_id")
