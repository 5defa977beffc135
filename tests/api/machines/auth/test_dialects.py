"""The two dialects: the documented one, and that of the Go client."""

import pytest

from chalicelib.kit.clock import parse_time
from chalicelib.machines.api.auth.protocol import DOCUMENTED, dialect_of
from chalicelib.web.exchange import Incoming
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_auth import a_session, registered

GO = {"user-agent": "threatwinds-go-sdk"}
JS = {"user-agent": "threatwinds-js-sdk/1.0.0"}


@pytest.fixture
def scene():
    return MachinesScene()


def told(scene, view, headers, key):
    answer = scene.request(view, key=key, headers=headers)
    assert answer.status == 200, answer.text
    return answer.json


@pytest.mark.parametrize(
    ("agent", "is_go"),
    [
        ("threatwinds-go-sdk", True),
        ("threatwinds-go-sdk/1.2.3", True),
        ("threatwinds-go-sdk (linux)", True),
        ("threatwinds-js-sdk/1.0.0", False),
        ("Mozilla/5.0 threatwinds-go-sdk", False),
        ("threatwinds-go-sdk-of-mine", False),
        ("", False),
        (None, False),
    ],
)
def test_dialect_is_chosen_by_the_clients_product(agent, is_go):
    headers = {} if agent is None else {"User-Agent": [agent]}
    event = {"requestContext": {"resourcePath": "/", "httpMethod": "GET"}, "multiValueHeaders": headers}
    assert (dialect_of(Incoming.from_event(event)) != DOCUMENTED) is is_go


@pytest.mark.parametrize("view", ["start_session", "get_session", "create_key_pair"])
def test_times_are_numbers_but_texts_for_the_go_client(scene, view):
    registered(scene)
    token = a_session(scene)
    seconds = told(scene, view, JS, token)["expireAt"]
    text = told(scene, view, GO, token)["expireAt"]
    assert type(seconds) is int
    assert (type(text), parse_time(text).timestamp()) == (str, seconds)


@pytest.mark.parametrize(("view", "name"), [("list_sessions", "sessions"), ("list_key_pairs", "keys")])
def test_lists_are_in_an_object_but_bare_for_the_go_client(scene, view, name):
    token = a_session(scene)
    told(scene, "create_key_pair", JS, token)
    (in_object,) = told(scene, view, JS, token)[name]
    (bare,) = told(scene, view, GO, token)
    assert bare.keys() == in_object.keys()
    assert parse_time(bare["expireAt"]).timestamp() == in_object["expireAt"]


@pytest.mark.parametrize("headers", [GO, JS, {}])
@pytest.mark.parametrize("view", ["start_session", "get_session", "list_sessions", "get_key_pair", "revoke_session"])
def test_each_answer_says_that_it_depends_on_the_client(scene, view, headers):
    assert scene.request(view, key=a_session(scene), headers=headers).headers["vary"] == "User-Agent"


def test_refusals_say_so_too_beside_the_origin_of_a_page():
    scene = MachinesScene(cors_allowed_origins=("https://a.example",))
    answer = scene.request("get_session", key=None, headers={"origin": "https://a.example"})
    assert (answer.status, answer.headers["vary"]) == (401, "origin, User-Agent")
