"""Labels: whose hold, and how they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.labels import MOST, changed, check, effective, too_many, wanted
from chalicelib.kit.errors import EdgeError

NAMES = st.sampled_from([f"n{number}" for number in range(30)])
LABELS = st.dictionaries(NAMES, st.sampled_from(["a", "b"]), max_size=MOST)


@given(LABELS, LABELS, LABELS)
def test_operators_go_before_the_key_and_the_key_before_the_agent(operator, key, agent):
    found = effective(operator=operator, key=key, agent=agent)

    assert len(found) <= MOST
    assert found.items() >= operator.items()
    for name, value in found.items():
        assert value == operator.get(name, key.get(name, agent.get(name)))


@given(LABELS, LABELS, LABELS, st.dictionaries(NAMES, st.none(), min_size=1, max_size=3))
def test_label_that_an_operator_takes_off_is_gone_whoever_set_it(operator, key, agent, taken):
    after = changed(operator, taken, {**agent, **key})

    assert effective(operator=after, key=key, agent=agent).keys().isdisjoint(taken)


@given(LABELS, LABELS, LABELS, LABELS)
def test_agent_changes_no_label_of_operator_or_key(operator, key, agent, other):
    fixed = {*operator, *key}
    before, after = (effective(operator=operator, key=key, agent=each) for each in (agent, other))

    assert {name: before[name] for name in before if name in fixed} == {
        name: after[name] for name in after if name in fixed
    }


def test_more_labels_than_fit_are_refused():
    with pytest.raises(EdgeError) as refused:
        changed({f"n{number}": "x" for number in range(MOST)}, {"one-more": "x"}, {})
    assert refused.value.details == too_many().details


@pytest.mark.parametrize("name", ["", "Env", "a b", "a:b", "a,b", "ä", "x" * 64])
def test_label_of_a_wrong_form_is_refused_by_name(name):
    for labels in ({name: "x"}, {"x": name}):
        with pytest.raises(EdgeError) as refused:
            check(labels)
        assert [text for texts in refused.value.details.values() for text in texts if repr(name) in text]


def test_filter_is_read_as_labels_that_all_hold():
    assert wanted("env:prod, role:web/front") == {"env": "prod", "role": "web/front"}


@pytest.mark.parametrize("text", ["env", "env:", ":prod", "env:prod,", "env:prod,env:test", "env=prod"])
def test_filter_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match=r"expected name:value|cannot be"):
        wanted(text)
