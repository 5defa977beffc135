"""New keys, what is presented, and how often somebody may be wrong."""

import pytest

from chalicelib.fleet.ssh.model import AuthMethod, NewKey
from chalicelib.fleet.ssh.rules import KEY_MAX_BYTES, check_key, check_keys, credential_of, too_many_keys
from chalicelib.kit.errors import BLANK, EdgeError, Kind, at_most_bytes, at_most_characters, taken
from tests.support.ssh_keys import ed25519_key, relabelled, rsa_key


def refused(call, *arguments):
    with pytest.raises(EdgeError) as error:
        call(*arguments)
    return error.value


def test_public_key_is_kept_as_written():
    checked = check_key(NewKey("laptop", ed25519_key() + "  and more\n"))

    assert checked.public_key == ed25519_key() + "  and more\n"
    assert checked.fingerprint == check_key(NewKey("other", ed25519_key())).fingerprint


@pytest.mark.parametrize(
    ("new", "details"),
    [
        (NewKey(" ", ed25519_key()), {"key_name": [BLANK]}),
        (NewKey("a" * 256, ed25519_key()), {"key_name": [at_most_characters(255)]}),
        (NewKey("a", ""), {"public_key": [BLANK]}),
        (NewKey("a", "ssh-rsa AAAA$"), {"public_key": ["invalid base64 key data"]}),
        (NewKey("a", "nonsense"), {"public_key": ["invalid SSH key format"]}),
        (
            NewKey("a", relabelled(ed25519_key(), "ssh-rsa")),
            {"public_key": ["algorithm does not match the key data"]},
        ),
        (NewKey("a", rsa_key(1024)), {"public_key": ["RSA keys need at least 2048 bits"]}),
        (NewKey("a", ed25519_key(0, "ä" * 2048)), {"public_key": [at_most_bytes(4096)]}),
        (NewKey("", "nonsense"), {"key_name": [BLANK], "public_key": ["invalid SSH key format"]}),
    ],
)
def test_invalid_new_key_is_refused_by_field(new, details):
    error = refused(check_key, new)

    assert (error.kind, error.details) == (Kind.VALIDATION_FAILED, details)


def test_longest_rsa_key_is_accepted():
    assert len(rsa_key(16_384)) < KEY_MAX_BYTES
    assert check_key(NewKey("a", rsa_key(16_384))).fingerprint.startswith("SHA256:")


def test_refusal_of_several_keys_names_all_errors_by_position():
    keys = [NewKey("", "x"), NewKey("b", ed25519_key()), NewKey("b", "ssh-rsa AAAA$")]

    error = refused(check_keys, keys)

    assert error.details == {
        "public_keys": [
            f"key 0: key_name {BLANK}",
            "key 0: public_key invalid SSH key format",
            "key 2: public_key invalid base64 key data",
        ]
    }


def test_repeated_key_name_is_a_conflict():
    error = refused(check_keys, [NewKey("a", ed25519_key(1)), NewKey("a", ed25519_key(2))])

    assert (error.kind, error.message) == (Kind.CONFLICT, taken("key_name").message)


def test_same_key_under_two_names_is_accepted():
    assert [key.key_name for key in check_keys([NewKey("a", ed25519_key()), NewKey("b", ed25519_key())])] == ["a", "b"]


@pytest.mark.parametrize("password", [None, ""])
@pytest.mark.parametrize("public_key", [None, ""])
def test_credential_without_password_and_key_is_refused(password, public_key):
    error = refused(credential_of, "root", password, public_key)

    assert error.kind is Kind.VALIDATION_FAILED
    assert error.details == {"base": ["either password or public_key must be provided"]}


def test_credential_with_password_and_key_is_refused():
    error = refused(credential_of, "root", "a", "b")

    assert error.details == {"base": ["only one of password or public_key should be provided"]}


def test_credential_does_not_print_its_secret():
    credential = credential_of("root", "hunter2hunter2", "")

    assert credential.method is AuthMethod.PASSWORD
    assert "hunter2" not in repr(credential)
    assert credential_of("root", "", "ssh-rsa A").method is AuthMethod.PUBLIC_KEY


def test_refusal_of_too_many_keys_names_the_limit():
    assert too_many_keys().message == "username has reached its limit of 50 public keys"
