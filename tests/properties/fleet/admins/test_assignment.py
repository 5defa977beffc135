"""What holds of every assignment, whatever the fleet and the admins."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.admins import rules

CLUSTERS = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 12), max_size=14)
BUDGETS = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.integers(1, 40), max_size=5)


@st.composite
def situations(draw):
    """Sizes of clusters, budgets of admins, and owners before: some of them dead, some of clusters that are gone."""
    sizes, budgets = draw(CLUSTERS), draw(BUDGETS)
    known = st.sampled_from([*sizes, "gone"])
    return sizes, budgets, draw(st.dictionaries(known, st.sampled_from([*budgets, "dead"])))


def turn(sizes, name):
    """By what clusters choose one after the other."""
    return -sizes[name], name


@given(situations())
def test_assignment_names_every_cluster_once(situation):
    sizes, budgets, owners = situation
    owned, orphaned = rules.assign(sizes, budgets, owners)
    assert sorted([*orphaned, *(name for names in owned.values() for name in names)]) == sorted(sizes)
    assert set(owned) == set(budgets)


@given(situations())
def test_assignment_stays_within_every_admins_capacity(situation):
    sizes, budgets, owners = situation
    owned, _ = rules.assign(sizes, budgets, owners)
    for admin, names in owned.items():
        assert sum(sizes[name] for name in names) <= rules.capacity_of(budgets[admin], len(budgets))


@given(situations())
def test_orphaned_cluster_fits_no_admin_and_is_not_empty(situation):
    sizes, budgets, owners = situation
    owned, orphaned = rules.assign(sizes, budgets, owners)
    for orphan in orphaned:
        for admin, names in owned.items():
            before = sum(sizes[name] for name in names if turn(sizes, name) < turn(sizes, orphan))
            assert before + sizes[orphan] > rules.capacity_of(budgets[admin], len(budgets))
    assert not budgets or all(sizes[name] for name in orphaned)


@given(situations())
def test_degraded_assignment_has_orphans(situation):
    sizes, budgets, owners = situation
    _, orphaned = rules.assign(sizes, budgets, owners)
    if rules.is_degraded(sum(sizes.values()), budgets):
        assert orphaned


@given(situations(), st.randoms())
def test_assignment_does_not_depend_on_input_order(situation, random):
    sizes, budgets, owners = situation

    def shuffled(values):
        items = list(values.items())
        random.shuffle(items)
        return dict(items)

    again = rules.assign(shuffled(sizes), shuffled(budgets), shuffled(owners))
    assert again == rules.assign(sizes, budgets, owners)


@given(situations())
def test_assignment_repeated_with_its_own_owners_is_stable(situation):
    """Of the same fleet nothing moves a second time."""
    sizes, budgets, owners = situation
    first = rules.assign(sizes, budgets, owners)
    now = {name: admin for admin, names in first[0].items() for name in names}
    assert rules.assign(sizes, budgets, now) == first


@given(CLUSTERS.filter(bool), BUDGETS.filter(bool))
def test_owner_keeps_its_cluster_among_otherwise_equal_admins(sizes, budgets):
    """Seen on the first to choose: then no admin has a cluster yet, and equal budgets are equal room."""
    budget = max(budgets.values())
    first = min(sizes, key=lambda name: turn(sizes, name))
    has_room = sizes[first] <= rules.capacity_of(budget, len(budgets))
    for owner in budgets:
        owned, _ = rules.assign(sizes, dict.fromkeys(budgets, budget), {first: owner})
        assert (first in owned[owner]) is has_room
