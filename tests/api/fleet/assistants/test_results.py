"""The results of tools: errors that an assistant can act on, secrets that it does not see, and calls that repeat."""

import pytest

from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from tests.bench.scene import Scene
from tests.support.assistant import called
from tests.support.world import MASTER_KEY

NOWHERE = "01900000-0000-7000-8000-0000000000ff"
COMMAND = {"command_text": "uptime", "targeting": {"type": "all"}}


@pytest.fixture
def scene():
    return Scene(reveal_node_secrets=True)


def error(scene, name, arguments, key=MASTER_KEY):
    result = called(scene.app.client, key, name, arguments)
    assert result.is_error
    (text,) = [content.text for content in result.content]
    told = result.structured_content
    assert told["error"]["code"] in text
    assert told["next"] in text
    return told["error"], text


def made_commands(scene):
    """The rows of the audit log about new commands."""
    return [row for row in scene.world.driver.rows(AUDIT_EVENTS) if row["operation"] == "command.create"]


def test_wrong_value_is_named_as_the_argument_with_what_is_allowed(scene):
    told, text = error(scene, "list_nodes", {"status": "sick", "inserted_at_gte": "yesterday"})

    assert told["code"] == "bad_request"
    assert set(told["details"]) == {"status", "inserted_at_gte"}
    assert "healthy" in text


def test_missing_field_of_a_body_is_named_as_the_argument(scene):
    told, _ = error(scene, "create_command", {**COMMAND, "expires_at": "soon"})
    missing, _ = error(scene, "create_command", {"targeting": {"type": "all"}})

    assert set(told["details"]) == {"expires_at"}
    assert set(missing["details"]) == {"command_text"}


def test_unknown_argument_is_refused_before_anything_happens(scene):
    before = scene.world.state()
    told, _ = error(scene, "create_command", {**COMMAND, "targets": "all"})

    assert set(told["details"]) == {"targets"}
    assert scene.world.state() == before


def test_unknown_node_is_told_with_where_to_look(scene):
    told, text = error(scene, "get_node", {"node_id": NOWHERE})

    assert told["code"] == "not_found"
    assert "list tool" in text


def test_missing_permission_is_named_and_the_refusal_is_in_the_audit_log(scene):
    key = scene.world.key_with(permissions=("nodes:read",))
    told, _ = error(scene, "create_command", COMMAND, key)
    scene.world.settle()

    assert told["message"] == "This key lacks the permission commands:write"
    assert [row["outcome"] for row in made_commands(scene) if row["principal_kind"] == "key"] == ["refused"]


def test_secrets_are_withheld_from_a_key_that_may_read_them(scene):
    for name, secret in (("list_nodes", "api_token"), ("list_enrollment_keys", "key")):
        shown = called(scene.app.client, MASTER_KEY, name, {}).structured_content["data"]
        assert {item[secret] for item in shown} == {None}
    assert {node["api_token"] for node in scene.ask("list_nodes").data} != {None}


def test_texts_are_null_for_a_key_without_outputs(scene):
    key = scene.world.key_with(permissions=("commands:read",), outputs=False)
    shown = called(scene.app.client, key, "list_commands", {}).structured_content["data"]

    assert {item["command_text"] for item in shown} == {None}


def test_repeated_idempotency_key_does_the_work_once_and_says_so(scene):
    arguments = {**COMMAND, "idempotency_key": "9e0f6f0a-1b2c-4c5d-8e7f-1a2b3c4d5e6f"}
    first = called(scene.app.client, MASTER_KEY, "create_command", arguments).structured_content
    again = called(scene.app.client, MASTER_KEY, "create_command", arguments).structured_content

    assert again["data"] == first["data"]
    assert "nothing was done again" in again["notes"][0]
    other, _ = error(scene, "create_command", {**arguments, "command_text": "true"})
    assert other["code"] == "idempotency_key_reused"


def test_change_is_in_the_audit_log_as_that_of_the_operation(scene):
    key = scene.world.key_with(permissions=("commands:write",))
    called(scene.app.client, key, "create_command", COMMAND)
    scene.world.settle()

    kinds = [row["principal_kind"] for row in made_commands(scene)]
    assert kinds.count("key") == 1


def test_deletion_says_that_it_is_done(scene):
    result = called(scene.app.client, MASTER_KEY, "delete_alias", {"alias_id": scene.variables["alias_id"]})

    assert result.structured_content == {"notes": ["Done."]}
