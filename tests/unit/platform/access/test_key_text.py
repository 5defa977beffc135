"""The text of a named key."""

import pytest

from chalicelib.platform.access.key_text import SHORT_KEY, KeyText, new_secret, new_short_key, parse

ID = "01a1fd8c-93f8-75cc-97fc-d4160a8be5cc"
SECRET = new_secret(b"\xff" * 32)


def test_composed_text_is_parsed_into_its_parts():
    assert parse(KeyText(ID, SECRET).compose()) == KeyText(ID, SECRET)


def test_secret_of_32_bytes_has_43_characters_of_the_url_safe_alphabet():
    assert (len(SECRET), SECRET) == (43, "_" * 42 + "8")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "master-key",
        f"edge_{ID}",
        f"edge_{ID}_",
        f"edge_{ID}_{SECRET[:-1]}",
        f"edge_{ID}_{SECRET}x",
        f"edge_{ID}_{SECRET}\n",
        f"edge_{ID.upper()}_{SECRET}",
        f"edge_{ID.replace('-', '')}_{SECRET}",
        f"thecloud_{ID}_{SECRET}",
        f"edge_{ID}_{'ä' * 43}",
    ],
)
def test_other_text_is_not_a_named_key(text):
    assert parse(text) is None


def test_parts_hide_the_secret_in_their_repr():
    assert SECRET not in repr(KeyText(ID, SECRET))


def test_short_key_is_parsed_with_the_id_that_follows_from_its_text():
    key = new_short_key(bytes(range(16)))
    assert key.compose() == "thecloud_000102030405060708090a0b0c0d0e0f"
    assert (key.prefix, key.secret) == (SHORT_KEY, "000102030405060708090a0b0c0d0e0f")
    assert parse(key.compose()) == key
    assert new_short_key(bytes(16)).id != key.id
    assert key.secret not in repr(key)


@pytest.mark.parametrize("secret", ["", "0" * 31, "0" * 33, "G" * 32, "A" * 32, "0" * 32 + "\n"])
def test_other_text_is_not_a_short_key(secret):
    assert parse(f"thecloud_{secret}") is None
