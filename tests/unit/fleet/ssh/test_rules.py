"""New keys, what is presented, and how often somebody may be wrong."""

import pytest

from chalicelib.fleet.ssh.model import AuthMethod, NewKey
from chalicelib.fleet.ssh.rules import KEY_MAX_BYTES, check_key, check_keys, credential_of
from chalicelib.kit.errors import EdgeError, Kind
from tests.application.fleet.ssh.world import ed25519_key, relabelled, rsa_key


def refused(call, *arguments):
    with pytest.raises(EdgeError) as error:
        call(*arguments)
    return error.value


def test_a_key_is_taken_as_it_is_written():
    checked = check_key(NewKey("laptop", ed25519_key() + "  and more\n"))

    assert checked.public_key == ed25519_key() + "  and more\n"
    assert checked.fingerprint == check_key(NewKey("other", ed25519_key())).fingerprint


@pytest.mark.parametrize(
    ("new", "details"),
    [
        (NewKey(" ", ed25519_key()), {"key_name": ["can't be blank"]}),
        (NewKey("a" * 256, ed25519_key()), {"key_name": ["should be at most 255 character(s)"]}),
        (NewKey("a", ""), {"public_key": ["can't be blank"]}),
        (NewKey("a", "ssh-rsa AAAA$"), {"public_key": ["invalid base64 key data"]}),
        (NewKey("a", "nonsense"), {"public_key": ["invalid SSH key format"]}),
        (
            NewKey("a", relabelled(ed25519_key(), "ssh-rsa")),
            {"public_key": ["algorithm does not match the key data"]},
        ),
        (NewKey("a", rsa_key(1024)), {"public_key": ["RSA keys need at least 2048 bits"]}),
        (NewKey("a", ed25519_key(0, "ä" * 2048)), {"public_key": ["should be at most 4096 byte(s)"]}),
        (NewKey("", "nonsense"), {"key_name": ["can't be blank"], "public_key": ["invalid SSH key format"]}),
    ],
)
def test_what_is_wrong_with_a_key_is_told_by_field(new, details):
    error = refused(check_key, new)

    assert (error.kind, error.details) == (Kind.VALIDATION_FAILED, details)


def test_the_longest_keys_that_exist_are_taken():
    assert len(rsa_key(16_384)) < KEY_MAX_BYTES
    assert check_key(NewKey("a", rsa_key(16_384))).fingerprint.startswith("SHA256:")


def test_all_that_is_wrong_with_several_keys_is_told_with_their_places():
    keys = [NewKey("", "x"), NewKey("b", ed25519_key()), NewKey("b", "ssh-rsa AAAA$")]

    error = refused(check_keys, keys)

    assert error.details == {
        "public_keys": [
            "key 0: key_name can't be blank",
            "key 0: public_key invalid SSH key format",
            "key 2: public_key invalid base64 key data",
        ]
    }


def test_a_name_that_comes_twice_is_a_conflict():
    error = refused(check_keys, [NewKey("a", ed25519_key(1)), NewKey("a", ed25519_key(2))])

    assert (error.kind, error.message) == (Kind.CONFLICT, "key_name has already been taken")


def test_one_key_under_two_names_is_taken():
    assert [key.key_name for key in check_keys([NewKey("a", ed25519_key()), NewKey("b", ed25519_key())])] == ["a", "b"]


@pytest.mark.parametrize("password", [None, ""])
@pytest.mark.parametrize("public_key", [None, ""])
def test_something_must_be_presented(password, public_key):
    error = refused(credential_of, "root", password, public_key)

    assert error.kind is Kind.VALIDATION_FAILED
    assert error.details == {"base": ["either password or public_key must be provided"]}


def test_only_one_thing_may_be_presented():
    error = refused(credential_of, "root", "a", "b")

    assert error.details == {"base": ["only one of password or public_key should be provided"]}


def test_what_is_presented_is_not_printed():
    credential = credential_of("root", "hunter2hunter2", "")

    assert credential.method is AuthMethod.PASSWORD
    assert "hunter2" not in repr(credential)
    assert credential_of("root", "", "ssh-rsa A").method is AuthMethod.PUBLIC_KEY
