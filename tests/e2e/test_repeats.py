"""Repeats with an Idempotency-Key over real HTTP, on the packaged functions and the emulator's transactions."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

CALLERS = 20
COMMANDS = "/api/v1/commands"


def test_twenty_callers_at_once_with_one_key_make_one_command(api):
    key, text = str(uuid4()), f"echo {uuid4()}"
    body = {"command_text": text, "targeting": {"type": "nodes", "node_ids": [str(uuid4())], "allow_missing": True}}
    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(api.call, "POST", COMMANDS, body, idempotency_key=key) for _ in range(CALLERS)]
        answers = [call.result() for call in calls]
    assert {(answer.status, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) <= 1
    made = [row["id"] for row in api.get(f"{COMMANDS}?page_size=100").data if row["command_text"] == text]
    assert made == [answers[0].data["id"]]

    other = api.call("POST", COMMANDS, {**body, "command_text": "true"}, idempotency_key=key)
    assert (other.status, other.code) == (409, "idempotency_key_reused")
