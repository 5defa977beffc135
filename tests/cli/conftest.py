"""No test of the command line reaches the keyring of the person who runs it."""

import keyring
import pytest
from keyring.backends import fail


@pytest.fixture(autouse=True)
def no_keyring():
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)
