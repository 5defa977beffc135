"""Secrets over HTTP: saved and never shown, named by runs, and given to the agent that is about to run a command."""

import pytest

from chalicelib.fleet.commands.model import Status
from chalicelib.fleet.commands.rules import environment_refused, environment_refused_after_deadline, text_of_secrets
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.secrets.rules import gone
from tests.support.callers import enrolled

VALUE = "hunter2-hunter2-hunter2"
SECRETS = "/api/v1/secrets"
SCRIPT = "/api/v1/scripts/report"
BODY = {
    "script_text": 'report --password "$PASSWORD"',
    "parameters": [{"name": "PASSWORD", "type": "string", "sensitive": True, "required": True}],
}
NIGHTLY = {
    "name": "nightly",
    "command": {
        "script": {"name": "report", "secrets": {"PASSWORD": "db-password"}},
        "targeting": {"type": "all"},
    },
    "cron": "0 * * * *",
}
RUN = {"secrets": {"PASSWORD": "db-password"}, "targeting": {"type": "all"}}


@pytest.fixture
def agent(world, client):
    (agent,) = enrolled(client, 1)
    world.settle()
    return agent


@pytest.fixture
def saved(client):
    answer = client.request("PUT", f"{SECRETS}/db-password", json={"value": VALUE, "description": "of reports"})
    client.request("PUT", SCRIPT, json=BODY)
    return answer


def run(client, world, **options):
    answer = client.post(f"{SCRIPT}/run", json={**RUN, **options.pop("json", {})}, **options)
    world.settle()
    return answer


def keyed(world, *permissions, **wanted):
    return world.key_with(role=None, permissions=frozenset(permissions), **wanted)


class TestSecrets:
    def test_secret_is_saved_shown_and_listed_without_its_value(self, client, world, saved):
        assert (saved.status, saved.data) == (
            200,
            {
                "name": "db-password",
                "description": "of reports",
                "version": 1,
                "value_changed_at": "2026-11-21T10:00:00Z",
                "inserted_at": "2026-11-21T10:00:00Z",
                "updated_at": "2026-11-21T10:00:00Z",
            },
        )
        world.settle()
        assert client.get(f"{SECRETS}/db-password").data == saved.data
        assert client.get(SECRETS, query={"name": "db*"}).data == [saved.data]

    def test_changed_value_is_the_next_version(self, client, saved):
        changed = client.request("PUT", f"{SECRETS}/db-password", json={"value": "another-value"}).data
        assert (changed["version"], changed["description"]) == (2, None)

    def test_refusal_of_a_value_does_not_repeat_it(self, client, world):
        for value in (VALUE + "\0", 12345678901, [VALUE]):
            answer = client.request("PUT", f"{SECRETS}/db-password", json={"value": value})
            assert answer.status in {400, 422}
            assert VALUE not in answer.text
            assert "12345678901" not in answer.text
        assert client.get(SECRETS).data == []

    def test_deleted_secret_is_404(self, client, saved):
        assert client.delete(f"{SECRETS}/db-password").status == 204
        assert client.get(f"{SECRETS}/db-password").status == 404
        assert client.delete(f"{SECRETS}/db-password").status == 404

    @pytest.mark.parametrize("name", ["Password", "-x", "a" * 64, "a|b"])
    def test_name_with_other_characters_is_refused(self, client, name):
        assert client.request("PUT", f"{SECRETS}/{name}", json={"value": VALUE}).status == 400

    def test_audit_log_has_the_acts(self, client, world, saved):
        client.delete(f"{SECRETS}/db-password")
        world.settle()
        events = client.get("/api/v1/audit_events", query={"thing_kind": "secret"}).data
        assert [(event["operation"], event["thing"]["name"]) for event in events] == [
            ("secret.delete", "db-password"),
            ("secret.save", "db-password"),
        ]


class TestRuns:
    def test_agent_gets_the_value_that_the_secret_has_when_it_asks(self, client, world, agent, saved):
        made = run(client, world)
        (listed,) = agent.poll().data
        agent.acknowledge(listed["id"])
        client.request("PUT", f"{SECRETS}/db-password", json={"value": "another-value-by-then"})

        assert made.status == 201
        assert listed["secret_variables"] == ["PASSWORD"]
        assert "# PASSWORD is the secret db-password" in listed["command_text"]
        given = agent.environment(listed["id"])
        assert (given.status, given.data) == (200, {"environment": {"PASSWORD": "another-value-by-then"}})
        assert given.headers["cache-control"] == "no-store"

    def test_value_is_in_no_row_message_event_line_or_answer(self, client, world, agent, saved):
        answers = [saved, run(client, world, headers={"Idempotency-Key": "once"})]
        (listed,) = agent.poll().data
        answers += [agent.acknowledge(listed["id"]), client.get("/api/v1/commands"), client.get(SECRETS)]
        assert VALUE in agent.environment(listed["id"]).text
        agent.report(listed["id"], output="done", exit_code=0)
        world.settle()
        answers += [client.get(path) for path in ("/api/v1/command_executions", "/api/v1/audit_events", SCRIPT)]

        kept = [world.state(), world.driver.snapshot(), world.lines.texts, [answer.text for answer in answers]]
        assert VALUE not in repr(kept)
        assert VALUE.encode().hex() not in repr(kept)

    def test_environment_is_for_open_executions_of_the_own_node_only(self, client, world, saved):
        mine, other = enrolled(client, 2)
        world.settle()
        run(client, world)
        (execution_id,) = mine.waiting()
        # Pushed to it, and not noted as acknowledged yet.
        assert mine.environment(execution_id).status == 200
        assert other.environment(execution_id).status == 403
        mine.acknowledge(execution_id)
        mine.report(execution_id, exit_code=0)

        refused = mine.environment(execution_id)
        assert (refused.status, refused.error["message"]) == (409, environment_refused(Status.COMPLETED).message)

    def test_deadline_ends_it_before_the_sweep_does(self, client, world, agent, saved):
        run(client, world, json={"expired_at": "2026-11-21T10:05:00Z"})
        (execution_id,) = agent.waiting()
        world.clock.advance(300)

        refused = agent.environment(execution_id)
        assert (refused.status, refused.error["message"]) == (409, environment_refused_after_deadline().message)

    def test_secret_that_is_deleted_meanwhile_is_named_in_the_refusal(self, client, world, agent, saved):
        run(client, world)
        (execution_id,) = agent.waiting()
        client.delete(f"{SECRETS}/db-password")

        refused = agent.environment(execution_id)
        assert (refused.status, refused.error["code"]) == (409, "secret_missing")
        assert refused.error["message"] == gone("db-password").message

    def test_run_with_a_secret_that_does_not_exist_is_refused(self, client, world, saved):
        refused = run(client, world, json={"secrets": {"PASSWORD": "nothing"}})

        assert refused.status == 422
        assert refused.error["details"] == {"secrets.PASSWORD": ["there is no secret 'nothing'"]}
        assert world.driver.rows(COMMANDS) == []

    def test_run_with_the_value_itself_is_refused(self, client, world, saved):
        refused = client.post(f"{SCRIPT}/run", json={"parameters": {"PASSWORD": VALUE}, "targeting": {"type": "all"}})

        assert refused.status == 422
        assert VALUE not in refused.text


class TestRights:
    def test_key_without_use_of_secrets_runs_with_those_of_the_script_only(self, client, world, saved):
        key = keyed(world, "scripts:run")
        chosen = run(client, world, key=key)
        assert (chosen.status, chosen.error["message"]) == (403, "This key lacks the permission secrets:use")

        fixed = [{**BODY["parameters"][0], "secret": "db-password"}]
        assert client.request("PUT", SCRIPT, json={**BODY, "parameters": fixed}).status == 200
        assert run(client, world, key=key, json={"secrets": {}}).status == 201

    def test_key_that_may_not_use_secrets_puts_none_into_a_script(self, client, world, saved):
        key = keyed(world, "scripts:write")
        fixed = [{**BODY["parameters"][0], "secret": "db-password"}]

        assert client.request("PUT", SCRIPT, json={**BODY, "parameters": fixed}, key=key).status == 403
        assert client.request("PUT", SCRIPT, json={**BODY, "description": "report"}, key=key).status == 200

    def test_restricted_key_neither_sees_nor_saves_nor_uses_secrets(self, client, world, agent, saved):
        north = world.fleet.clusters.find("north").id
        key = world.key_with(role=KeyRole.ADMIN, restrictions={"clusters": {north}})
        made = run(client, world).data
        client.post(f"/api/v1/commands/{made['id']}/cancel")
        world.settle()

        assert client.get(SECRETS, key=key).status == 403
        assert client.request("PUT", f"{SECRETS}/x", json={"value": VALUE}, key=key).status == 403
        assert client.post(f"{SCRIPT}/run", json=RUN, key=key).status == 403
        retry = client.post(f"/api/v1/commands/{made['id']}/retry", json={"outcomes": ["cancelled"]}, key=key)
        assert retry.status == 403

    def test_viewer_reads_names_only(self, client, world, saved):
        key = world.key_with(role=KeyRole.VIEWER)
        assert client.get(f"{SECRETS}/db-password", key=key).data == saved.data
        assert client.request("PUT", f"{SECRETS}/db-password", json={"value": "x"}, key=key).status == 403


class TestRetries:
    @pytest.fixture
    def given(self, client, world, agent, saved):
        made = run(client, world).data
        client.post(f"/api/v1/commands/{made['id']}/cancel")
        world.settle()
        return made

    def retry(self, client, given, **fields):
        return client.post(f"/api/v1/commands/{given['id']}/retry", json={"outcomes": ["cancelled"], **fields})

    def test_retry_gets_the_secrets_again(self, client, world, agent, given):
        again = self.retry(client, given)
        world.settle()
        (execution_id,) = agent.waiting()

        assert (again.status, again.data["script"]) == (201, {"name": "report", "version": 1})
        assert agent.environment(execution_id).data["environment"] == {"PASSWORD": VALUE}

    def test_retry_with_another_text_is_refused(self, client, world, given):
        refused = self.retry(client, given, command_text="env")

        assert (refused.status, refused.error["details"]) == (422, text_of_secrets().details)
        assert len(world.driver.rows(COMMANDS)) == 1
        assert self.retry(client, given, command_text=given["command_text"]).status == 201

    def test_retry_by_a_key_that_may_not_use_secrets_is_refused(self, client, world, given):
        key = keyed(world, "commands:write")
        refused = client.post(f"/api/v1/commands/{given['id']}/retry", json={"outcomes": ["cancelled"]}, key=key)

        assert (refused.status, refused.error["message"]) == (403, "This key lacks the permission secrets:use")


class TestSchedules:
    def test_schedule_names_a_secret_and_its_command_gets_the_value(self, client, world, agent, saved):
        made = client.post("/api/v1/schedules", json=NIGHTLY)
        assert made.data["command"]["script"]["secrets"] == {"PASSWORD": "db-password"}
        world.clock.advance(3600)
        agent.heartbeat()
        world.sweep("sweep_commands")
        world.settle()

        (execution,) = world.driver.rows(EXECUTIONS)
        assert agent.environment(str(execution["id"])).data["environment"] == {"PASSWORD": VALUE}

    def test_time_at_which_the_secret_is_gone_is_refused(self, client, world, agent, saved):
        made = client.post("/api/v1/schedules", json=NIGHTLY).data
        client.delete(f"{SECRETS}/db-password")
        world.clock.advance(3600)
        world.sweep("sweep_commands")
        world.settle()

        (noted,) = client.get(f"/api/v1/schedules/{made['id']}/runs").data
        assert (noted["result"], noted["reason"]) == (
            "refused",
            "secrets.PASSWORD: there is no secret 'db-password'",
        )

    def test_owner_that_may_not_use_secrets_is_refused(self, client, world, saved):
        key = keyed(world, "commands:write", "scripts:run")
        refused = client.post("/api/v1/schedules", json=NIGHTLY, key=key)

        assert (refused.status, refused.error["message"]) == (403, "This key lacks the permission secrets:use")
