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
def test_one_authorization_header_counts_whose_scheme_is_bearer_in_any_letter_case(authorization, token):
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
def test_a_key_is_known_by_name(bearer, accepted, name):
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
def test_any_other_key_is_refused(bearer, accepted):
    with pytest.raises(EdgeError) as raised:
        keys().identify(bearer, accepted)
    assert raised.value.kind is Kind.UNAUTHORIZED


def test_an_unset_key_takes_the_value_of_the_master_key():
    only_master = keys(api=None, metrics="")
    assert only_master.identify("m", OPERATOR_KEYS) == "MASTER_KEY"
    assert only_master.identify("m", METRICS_KEYS) == "MASTER_KEY"
    with pytest.raises(EdgeError):
        only_master.identify("", METRICS_KEYS)


@pytest.mark.parametrize("master", [None, ""])
def test_there_are_no_keys_without_a_master_key(master):
    with pytest.raises(MissingMasterKeyError):
        keys(master=master)


def test_keys_do_not_show_themselves():
    assert "s3cret" not in repr(vars(keys(master="s3cret")))
