"""Pushes to agents over real sockets: whatever one answers, it costs the time and the bytes of one attempt."""

import time

import pytest

from chalicelib.fleet.transport.push import PushAddress, PushOutcome, push_over_http
from tests.unit.kit.receivers import receiver, says

EXECUTION_ID = "0192e4a0-0000-7000-8000-000000000001"
FAR_LESS_THAN_FOR_EVER = 15.0


def address(port: int) -> PushAddress:
    return PushAddress(f"http://127.0.0.1:{port}", "node-token")


def endless(connection, seen):
    """A body without an end. It sends while it is let."""
    connection.sendall(b"HTTP/1.1 201 Created\r\n\r\n")
    while not seen.stop.is_set():
        connection.sendall(b"x" * 65536)


def dripping_headers(connection, seen):
    connection.sendall(b"HTTP/1.1 201 Created\r\n")
    while not seen.stop.wait(0.05):
        connection.sendall(b"a")


def endless_headers(connection, seen):
    connection.sendall(b"HTTP/1.1 201 Created\r\n")
    while not seen.stop.is_set():
        connection.sendall(b"x-more: " + b"y" * 8000 + b"\r\n")


def silent(_connection, seen):
    seen.stop.wait()


COMPRESSED = b"HTTP/1.1 201 Created\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08"


@pytest.mark.parametrize("talk", [endless, says(COMPRESSED)], ids=["endless body", "compressed body"])
def test_push_reads_only_the_status_of_an_answer(talk):
    with receiver(talk) as (port, seen):
        assert push_over_http().execute(address(port), {"id": EXECUTION_ID})
        assert push_over_http().cancel(address(port), EXECUTION_ID)
    assert seen.connections == 2


@pytest.mark.parametrize("talk", [dripping_headers, endless_headers, silent])
def test_push_with_an_endless_answer_fails_within_bounds(talk):
    started = time.monotonic()
    with receiver(talk) as (port, seen):
        assert not push_over_http().execute(address(port), {"id": EXECUTION_ID})
    assert time.monotonic() - started < FAR_LESS_THAN_FOR_EVER
    assert len(seen.requests) == 1


def test_push_does_not_follow_a_redirect():
    with receiver(says(b"HTTP/1.1 200 OK\r\n\r\n")) as (elsewhere, followed):
        moved = f"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:{elsewhere}/\r\n\r\n".encode()
        with receiver(says(moved)) as (port, _):
            assert not push_over_http().execute(address(port), {"id": EXECUTION_ID})
    assert followed.connections == 0


def test_push_sends_one_http_request_with_token_and_body():
    with receiver(says(b"HTTP/1.1 201 Created\r\n\r\n")) as (port, seen):
        push_over_http().execute(address(port), {"id": EXECUTION_ID, "command_text": "echo \u20ac"})
    head, _, body = seen.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v1/command_executions HTTP/1.1\r\n")
    assert b"authorization: Bearer node-token" in head
    assert b"content-type: application/json" in head
    assert b"Accept-Encoding: identity" in head
    assert body == b'{"id": "0192e4a0-0000-7000-8000-000000000001", "command_text": "echo \\u20ac"}'


class TestUpdates:
    """An update that may have been heard must not be told again."""

    def test_update_push_without_a_connection_is_unreached(self):
        with receiver(says(b"")) as (port, _):
            pass
        assert push_over_http().update(address(port)) is PushOutcome.UNREACHED

    def test_update_push_to_an_unresolvable_name_is_unreached(self):
        nowhere = PushAddress(f"http://{'a' * 60}.invalid:1", "node-token")
        assert push_over_http().update(nowhere) is PushOutcome.UNREACHED

    @pytest.mark.parametrize("talk", [says(b""), says(b"SSH-2.0\r\n"), endless_headers])
    def test_update_push_without_a_valid_answer_counts_as_taken(self, talk):
        with receiver(talk) as (port, _):
            assert push_over_http().update(address(port)) is PushOutcome.TAKEN
