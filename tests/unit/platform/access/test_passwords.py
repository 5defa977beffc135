"""The real hasher, once or twice: each check takes a good part of a second."""

from argon2.low_level import Type, hash_secret

from chalicelib.platform.access.passwords import Argon2Passwords

SALT = bytes(range(16))


def test_password_verifies_against_its_own_hash_only():
    passwords = Argon2Passwords(lambda count: SALT[:count])

    stored = passwords.hash("correct horse battery")

    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$AAECAwQFBgcICQoLDA0ODw$")
    assert passwords.verify(stored, "correct horse battery")
    assert not passwords.verify(stored, "correct horse batterz")


def test_missing_hash_verifies_no_password():
    passwords = Argon2Passwords(lambda count: SALT[:count])

    assert not passwords.verify(None, "")
    assert not passwords.verify(None, "correct horse battery")


def test_password_hash_with_other_parameters_verifies():
    """Made with four lanes by argon2's own tool: a hash names its parameters."""
    stored = hash_secret(b"correct horse battery", SALT, 1, 1024, 4, 32, Type.ID).decode()

    assert Argon2Passwords(lambda count: SALT[:count]).verify(stored, "correct horse battery")
