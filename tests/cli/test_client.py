"""Requests of `edgectl`: repeated where that is safe, with one key for all repeats."""

import httpx
import pytest
from edgectl.client import TRIES, Client
from edgectl.errors import REFUSED, UNSURE, ApiError, CliError
from edgectl.profiles import Profile


class Server(httpx.BaseTransport):
    """Answers as told, one after the other; an exception is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def handle_request(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def pauses():
    return []


def client_of(server, pauses):
    return Client(Profile("https://edge.example.com", "the-key"), transport=server, pause=pauses.append)


def test_post_whose_answer_was_lost_is_repeated_with_the_same_key(pauses):
    server = Server(httpx.ReadTimeout("gone"), httpx.Response(201, json={"data": {"id": "1"}}))

    assert client_of(server, pauses).post("/api/v1/clusters", {"name": "north"}) == {"id": "1"}
    first, second = server.asked
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_refusal_for_a_while_is_waited_for(pauses):
    limited = httpx.Response(429, headers={"Retry-After": "7"}, json={})
    server = Server(limited, httpx.Response(200, json={"data": []}))

    assert client_of(server, pauses).get("/api/v1/nodes") == []
    assert pauses == [7.0]


def test_control_plane_that_never_answers_is_named_after_some_tries(pauses):
    server = Server(*[httpx.ConnectError("refused")] * TRIES)

    with pytest.raises(CliError, match=r"https://edge\.example\.com does not answer: refused"):
        client_of(server, pauses).get("/api/v1/nodes")
    assert len(server.asked) == TRIES


@pytest.mark.parametrize("body", [{"content": b"<html>"}, {"json": [1]}, {"json": {"error": "odd"}}, {"json": None}])
def test_refusal_in_an_unknown_form_is_still_a_sentence(pauses, body):
    server = Server(httpx.Response(500, **body))

    with pytest.raises(ApiError, match="the control plane answered 500"):
        client_of(server, pauses).get("/api/v1/nodes")


def test_key_is_in_no_error(pauses):
    server = Server(httpx.Response(401, json={"error": {"message": "Unauthorized"}, "meta": {"request_id": "r1"}}))

    with pytest.raises(ApiError) as refused:
        client_of(server, pauses).get("/api/v1/nodes")
    assert str(refused.value) == "Unauthorized; is the key right? edgectl login; request r1"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([httpx.ReadTimeout("gone")] * TRIES, UNSURE),
        ([httpx.ReadTimeout("gone"), *[httpx.ConnectError("refused")] * (TRIES - 1)], UNSURE),
        ([httpx.Response(504, json={})] * TRIES, UNSURE),
        ([httpx.ReadTimeout("gone"), *[httpx.Response(429, json={})] * (TRIES - 1)], UNSURE),
        ([httpx.Response(500, json={})], UNSURE),
        ([httpx.ConnectError("refused")] * TRIES, REFUSED),
        ([httpx.Response(429, json={})] * TRIES, REFUSED),
        ([httpx.ReadTimeout("gone"), httpx.Response(409, json={})], REFUSED),
    ],
)
def test_change_whose_answer_is_lost_is_told_from_one_that_was_refused(pauses, answers, code):
    with pytest.raises(CliError) as refused:
        client_of(Server(*answers), pauses).post("/api/v1/commands", {})
    assert refused.value.code == code


@pytest.mark.parametrize("first", [httpx.ReadTimeout("gone"), httpx.Response(503, json={})])
def test_deletion_whose_repeat_alone_finds_nothing_is_unsure(pauses, first):
    server = Server(first, httpx.Response(404, json={}))

    with pytest.raises(CliError, match="it is not there; the request before may have deleted it") as unsure:
        client_of(server, pauses).send("DELETE", "/api/v1/api_keys/1")
    assert unsure.value.code == UNSURE


@pytest.mark.parametrize("before", [[], [httpx.ConnectError("refused")], [httpx.Response(429, json={})]])
def test_deletion_that_first_arrives_and_finds_nothing_is_refused(pauses, before):
    with pytest.raises(ApiError) as refused:
        client_of(Server(*before, httpx.Response(404, json={})), pauses).send("DELETE", "/api/v1/api_keys/1")
    assert refused.value.code == REFUSED


def test_repeat_without_a_key_that_is_refused_leaves_it_open_what_the_first_did(pauses):
    answers = [httpx.ReadTimeout("gone"), httpx.Response(409, json={})]
    with pytest.raises(CliError) as refused:
        client_of(Server(*answers), pauses).send("PATCH", "/api/v1/nodes/1", body={})
    assert refused.value.code == UNSURE


def test_reading_whose_answer_is_lost_has_changed_nothing(pauses):
    with pytest.raises(CliError) as refused:
        client_of(Server(*[httpx.ReadTimeout("gone")] * TRIES), pauses).get("/api/v1/nodes")
    assert refused.value.code == REFUSED


def test_refused_header_is_not_shown_and_not_sent_again(pauses):
    server = Server(httpx.LocalProtocolError("Illegal header value b'Bearer the-key'"))

    with pytest.raises(CliError, match="cannot be sent") as refused:
        client_of(server, pauses).get("/api/v1/nodes")
    assert (len(server.asked), "the-key" in str(refused.value)) == (1, False)
