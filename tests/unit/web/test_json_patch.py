from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.web.json_patch import apply, difference

_LEAVES = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers() | st.none(), max_size=2)
_NAMES = st.sampled_from(("a", "b", "/v1/{id}", "~1", ""))
_DOCUMENTS = st.dictionaries(
    _NAMES, st.recursive(_LEAVES, lambda inner: st.dictionaries(_NAMES, inner, max_size=3), max_leaves=8), max_size=4
)


@given(before=_DOCUMENTS, after=_DOCUMENTS)
def test_patch_of_two_documents_turns_one_into_the_other(before, after):
    document = deepcopy(before)
    apply(document, difference(before, after))
    assert document == after


def test_patch_names_only_what_differs():
    before = {"a": {"b/c": 1, "d": [1, 2], "e": 3}, "f": 4}
    after = {"a": {"b/c": 1, "d": [1], "g": None}, "f": 4}
    assert difference(before, after) == [
        {"op": "remove", "path": "/a/e"},
        {"op": "replace", "path": "/a/d", "value": [1]},
        {"op": "add", "path": "/a/g", "value": None},
    ]
    assert difference(before, before) == []


def test_part_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        apply({}, [{"op": "remove", "path": "/a"}])
