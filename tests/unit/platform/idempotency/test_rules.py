"""Keys of requests, and which requests are the same."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.platform.idempotency.rules import check_key, digest_of, record_id

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)


@given(KEYS)
def test_any_visible_characters_are_a_key(key):
    assert check_key([f" {key}\t"]) == key


@given(JSON, JSON)
def test_digests_are_equal_exactly_for_equal_bodies(one, other):
    same = digest_of("POST /x", {}, {}, one) == digest_of("POST /x", {}, {}, other)
    assert same == (_typed(one) == _typed(other))


@given(JSON, st.randoms())
def test_order_of_members_does_not_change_the_digest(body, chance):
    assert digest_of("POST /x", {}, {}, _shuffled(body, chance)) == digest_of("POST /x", {}, {}, body)


def test_record_belongs_to_one_holder_and_one_key():
    ids = {
        record_id(("key", "default", "1"), "a"),
        record_id(("key", "default", "2"), "a"),
        record_id(("root", "default", "1"), "a"),
        record_id(("key", "other", "1"), "a"),
        record_id(("key", "default", "1"), "b"),
    }
    assert len(ids) == 5
    assert record_id(("key", "default", "1"), "a") in ids


def _typed(value):
    """True and 1 are equal in Python, and not in JSON."""
    match value:
        case dict():
            return {name: _typed(each) for name, each in value.items()}
        case list():
            return [_typed(each) for each in value]
        case _:
            return type(value), value


def _shuffled(value, chance):
    match value:
        case dict():
            names = list(value)
            chance.shuffle(names)
            return {name: _shuffled(value[name], chance) for name in names}
        case list():
            return [_shuffled(each, chance) for each in value]
        case _:
            return value
