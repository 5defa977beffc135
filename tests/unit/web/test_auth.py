import pytest
from pydantic import SecretStr

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.bearer import bearer_in
from chalicelib.platform.access.keys import METRICS_KEYS, OPERATOR_KEYS, Keys, MissingMasterKeyError
from chalicelib.web.exchange import Incoming


def incoming(*authorization):
    return Incoming("GET", "/", {}, {}, {"authorization": authorization} if authorization else {}, "")


def keys(master="m", api="a", metrics="x"):
    return Keys(*(None if key is None else SecretStr(key) for key in (master, api, metrics)))


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        (("Bearer abc",), "abc"),
        (("Bearer a b",), "a b"),
        ((), None),
        (("bearer abc",), "abc"),
        (("BEARER abc",), "abc"),
        (("bEaReR ABC",), "ABC"),
        (("Bearer  abc",), "abc"),
        ((" Bearer abc\t",), "abc"),
        (("Bearer\tabc",), None),
        (("Bearerabc",), None),
        (("Bearer   ",), None),
        (("Bearer ",), None),
        (("Bearer",), None),
        (("Basic abc",), None),
        (("abc",), None),
        (("Bearer abc", "Bearer abc"), None),
    ],
)
def test_bearer_token_is_read_from_a_single_authorization_header(authorization, token):
    assert bearer_in(incoming(*authorization).headers.get("authorization", ())) == token


@pytest.mark.parametrize(
    ("bearer", "accepted", "name"),
    [
        ("m", OPERATOR_KEYS, "MASTER_KEY"),
        ("a", OPERATOR_KEYS, "API_KEY"),
        ("m", METRICS_KEYS, "MASTER_KEY"),
        ("x", METRICS_KEYS, "METRICS_KEY"),
    ],
)
def test_known_key_is_identified_by_its_name(bearer, accepted, name):
    assert keys().identify(bearer, accepted) == name


@pytest.mark.parametrize(
    ("bearer", "accepted"),
    [
        ("x", OPERATOR_KEYS),
        ("a", METRICS_KEYS),
        ("", OPERATOR_KEYS),
        (None, OPERATOR_KEYS),
        ("M", OPERATOR_KEYS),
        ("\ud800", OPERATOR_KEYS),
        ("m", ()),
    ],
)
def test_unknown_or_unaccepted_key_is_unauthorized(bearer, accepted):
    with pytest.raises(EdgeError) as raised:
        keys().identify(bearer, accepted)
    assert raised.value.kind is Kind.UNAUTHORIZED


def test_unset_key_takes_the_value_of_the_master_key():
    only_master = keys(api=None, metrics="")
    assert only_master.identify("m", OPERATOR_KEYS) == "MASTER_KEY"
    assert only_master.identify("m", METRICS_KEYS) == "MASTER_KEY"
    with pytest.raises(EdgeError):
        only_master.identify("", METRICS_KEYS)


@pytest.mark.parametrize("master", [None, ""])
def test_keys_without_a_master_key_are_refused(master):
    with pytest.raises(MissingMasterKeyError):
        keys(master=master)


def test_keys_are_hidden_in_their_repr():
    assert "s3cret" not in repr(vars(keys(master="s3cret")))
