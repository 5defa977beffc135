import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kit.ids import (
    Ids,
    compose_uuid7,
    derived_uuid7,
    digest_uuid,
    from_unpadded_base64,
    milliseconds_of,
    normalise_uuid,
    to_milliseconds,
    to_unpadded_base64,
)
from tests.support.fakes.clock import START, FakeIds


def test_uuid7_equals_the_example_of_rfc_9562():
    # RFC 9562, A.6: 2022-02-22T19:22:22Z, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F
    random_bits = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    assert compose_uuid7(0x017F22E279B0, random_bits) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**80 - 1))
def test_uuid7_of_any_bits_has_version_7_and_its_time(milliseconds, random_bits):
    text = compose_uuid7(milliseconds, random_bits)
    parsed = uuid.UUID(text)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert milliseconds_of(text) == milliseconds
    assert str(parsed) == text


@given(st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
def test_uuid7_of_different_random_bits_differs(left, right):
    assert (compose_uuid7(1, left) == compose_uuid7(1, right)) == (left == right)


def test_uuid7_text_sorts_by_time():
    ids = Ids()
    made = [ids.uuid7(START + timedelta(milliseconds=step)) for step in range(50)]
    assert made == sorted(made)
    assert milliseconds_of(made[0]) == to_milliseconds(START)


def test_time_in_milliseconds_is_rounded_down():
    assert to_milliseconds(datetime(1970, 1, 1, 0, 0, 1, 999, tzinfo=UTC)) == 1000
    assert to_milliseconds(datetime(1970, 1, 1, 0, 0, 1, 1999, tzinfo=UTC)) == 1001


def test_real_ids_and_tokens_do_not_repeat():
    ids = Ids()
    assert len({ids.uuid7(START) for _ in range(200)}) == 200
    assert len(ids.token_bytes(32)) == 32
    assert all(0 <= ids.fraction() < 1 for _ in range(100))


def test_fake_ids_are_the_same_for_the_same_seed():
    one, same, other = FakeIds(7), FakeIds(7), FakeIds(8)
    first = (one.uuid7(START), one.token_bytes(12), one.fraction())
    assert first == (same.uuid7(START), same.token_bytes(12), same.fraction())
    assert first != (other.uuid7(START), other.token_bytes(12), other.fraction())
    assert one.uuid7(START) != first[0]


@given(st.binary(max_size=64))
def test_unpadded_base64_decodes_to_the_encoded_bytes(raw):
    text = to_unpadded_base64(raw)
    assert "=" not in text
    assert from_unpadded_base64(text) == raw


@pytest.mark.parametrize("text", ["a", "ab*d", "ab cd", "ä", "YQ==YQ"])
def test_invalid_base64_text_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        from_unpadded_base64(text)


def test_uuid_is_normalised_to_lower_case():
    canonical = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert normalise_uuid(canonical.upper()) == canonical
    with pytest.raises(ValueError, match="badly formed"):
        normalise_uuid("not-a-uuid")


def test_id_derived_from_a_token_is_the_same_each_time_and_takes_its_time():
    token = compose_uuid7(1_700_000_000_000, 1)
    first = derived_uuid7(f"{token}/2", "key")
    assert first == derived_uuid7(f"{token}/2", "key")
    assert (uuid.UUID(first).version, milliseconds_of(first)) == (7, 1_700_000_000_000)
    others = {derived_uuid7(token, "key"), derived_uuid7(f"{token}/2", "command"), derived_uuid7(f"{token}/3", "key")}
    assert len(others | {first}) == 4


@pytest.mark.parametrize("token", ["", "one", str(uuid.UUID(int=4, version=4)), "x" + compose_uuid7(1, 1)])
def test_token_without_a_uuid7_at_its_beginning_gives_no_id(token):
    with pytest.raises(ValueError, match="does not begin with a UUIDv7"):
        derived_uuid7(token, "key")


def test_id_of_a_text_is_the_same_each_time_and_of_version_8():
    first = digest_uuid("thecloud_00")
    assert first == digest_uuid("thecloud_00") != digest_uuid("thecloud_01")
    assert (uuid.UUID(first).version, uuid.UUID(first).variant, len({*map(digest_uuid, "abcdefgh")})) == (
        8,
        uuid.RFC_4122,
        8,
    )
