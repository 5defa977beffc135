"""The two ways to authenticate at the machines' APIs, of which a request uses one."""

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.machines.api.credentials import bearer_or_pair, single_key, token_or_pair
from chalicelib.platform.access.key_text import parse
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.web.exchange import Incoming
from tests.support.client import MASTER_KEY
from tests.support.operations.machines import MachinesScene


@pytest.fixture
def scene():
    return MachinesScene()


def halves(text):
    parsed = parse(text)
    return {"api-key": parsed.public, "api-secret": parsed.secret}


def ask(scene, headers):
    return scene.request("list_templates", key=None, headers=headers)


def refusal(scene, headers):
    answer = ask(scene, headers)
    assert answer.status == 401
    assert answer.headers["x-error"] == answer.error["message"]
    return answer.error["message"]


@pytest.mark.parametrize("spelt", [str.lower, str.upper, str.title])
def test_key_pair_in_headers_of_any_case_is_a_named_key(scene, spelt):
    pair = halves(scene.world.key_with(role=KeyRole.VIEWER))
    assert ask(scene, {spelt(name): value for name, value in pair.items()}).status == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_bearer_is_a_named_key_or_the_master_key(scene, scheme):
    for key in (MASTER_KEY, scene.world.key_with(role=KeyRole.VIEWER)):
        assert ask(scene, {"authorization": f"{scheme} {key}"}).status == 200


def test_both_ways_at_once_are_refused_though_each_is_right(scene):
    key = scene.world.key_with(role=KeyRole.VIEWER)
    both = {**halves(key), "authorization": f"Bearer {key}"}
    assert refusal(scene, both) == "Authenticate by one means: either authorization or api-key and api-secret"


@pytest.mark.parametrize("missing", ["api-key", "api-secret"])
def test_half_a_pair_is_refused_by_name(scene, missing):
    pair = halves(scene.world.key_with(role=KeyRole.VIEWER))
    del pair[missing]
    assert f"{missing} was sent 0 times" in refusal(scene, pair)


def test_half_that_is_sent_twice_is_refused_by_name(scene):
    pair = halves(scene.world.key_with(role=KeyRole.VIEWER))
    assert "api-key was sent 2 times" in refusal(scene, {**pair, "api-key": [pair["api-key"]] * 2})


def test_wrong_halves_are_refused_and_counted_by_address(scene):
    mine, other = (halves(scene.world.key_with(role=KeyRole.VIEWER)) for _ in range(2))
    statuses = {ask(scene, {**mine, "api-secret": other["api-secret"]}).status for _ in range(31)}
    assert statuses == {401, 429}
    assert ask(scene, other).status == 200, "a key that was right before is looked up always"


def test_key_pair_that_is_not_verified_is_refused_with_the_reason(scene):
    made = {"role": KeyRole.OPERATOR, "user": "u-1", "owner": "u-1"}
    right = halves(scene.world.key_with(**made))
    assert ask(scene, right).status == 200
    text = scene.world.unverified_key(**made)
    answer = ask(scene, halves(text))
    assert (answer.status, answer.error["code"]) == (401, "not_verified")
    assert {ask(scene, halves(text)).status for _ in range(40)} == {401}


def test_wrong_secret_of_a_key_pair_that_is_not_verified_tells_nothing(scene):
    text = scene.world.unverified_key(role=KeyRole.OPERATOR)
    answer = ask(scene, {**halves(text), "api-secret": "x" * 43})
    assert (answer.status, answer.error["code"]) == (401, "unauthorized")


def test_session_token_is_unknown_where_only_keys_are_accepted(scene):
    edge = scene.world.platform.identities
    with pytest.raises(EdgeError, match="Unauthorized"):
        edge.identify(f"session_01a1fd8c-93f8-75cc-97fc-d4160a8be5cc_{'x' * 43}", ["MASTER_KEY"], "203.0.113.7")


def incoming(**headers):
    sent = {name.replace("_", "-"): [value] if isinstance(value, str) else value for name, value in headers.items()}
    context = {"resourcePath": "/", "httpMethod": "GET"}
    return Incoming.from_event({"requestContext": context, "multiValueHeaders": sent})


@pytest.mark.parametrize(
    ("headers", "bearer", "token"),
    [
        ({}, None, None),
        ({"Authorization": "Bearer abc"}, "abc", "abc"),
        ({"Authorization": "abc"}, None, "abc"),
        ({"Authorization": " abc "}, None, "abc"),
        ({"Authorization": "Basic abc"}, None, None),
        ({"Authorization": ""}, None, None),
        ({"Authorization": ["abc", "abc"]}, None, None),
        ({"API_KEY": "edge_1", "Api_Secret": "2"}, "edge_1_2", "edge_1_2"),
    ],
)
def test_token_is_read_bare_only_where_that_is_a_form(headers, bearer, token):
    assert (bearer_or_pair(incoming(**headers)), token_or_pair(incoming(**headers))) == (bearer, token)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({"X_API_Key": "abc"}, "abc"),
        ({"x_api_key": ""}, None),
        ({"x_api_key": ["a", "b"]}, None),
        ({"Authorization": "Bearer abc"}, None),
    ],
)
def test_single_key_is_read_from_its_own_header(headers, key):
    assert single_key(incoming(**headers)) == key
