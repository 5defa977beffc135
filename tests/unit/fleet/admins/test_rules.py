"""Who owns which cluster, by the examples that the rule was described with."""

from datetime import timedelta

import pytest

from chalicelib.fleet.admins import rules
from tests.support.fakes.clock import START


def owned(sizes, budgets, owners=None):
    return rules.assign(sizes, budgets, owners or {})[0]


def orphaned(sizes, budgets):
    return rules.assign(sizes, budgets, {})[1]


class TestCapacity:
    @pytest.mark.parametrize(("budget", "admins", "capacity"), [(250, 1, 250), (250, 2, 249), (2, 3, 0), (1, 5, 0)])
    def test_the_other_admins_take_part_of_the_budget(self, budget, admins, capacity):
        assert rules.capacity_of(budget, admins) == capacity

    def test_all_capacities_make_the_total(self):
        assert rules.total_capacity({"a": 250, "b": 250}) == 498

    def test_an_admin_whose_budget_is_used_up_takes_nothing_from_the_others(self):
        assert rules.total_capacity({"a": 12, "b": 1, "c": 1}) == 10

    def test_nobody_has_no_room(self):
        assert rules.total_capacity({}) == 0


class TestDegraded:
    @pytest.mark.parametrize(("nodes", "degraded"), [(497, False), (498, False), (499, True)])
    def test_it_is_strict(self, nodes, degraded):
        assert rules.is_degraded(nodes, {"a": 250, "b": 250}) is degraded

    def test_room_in_pieces_orphans_without_it(self):
        sizes, budgets = {"x": 6, "y": 6, "z": 6}, {"a": 10, "b": 10}
        assert orphaned(sizes, budgets) == ["z"]
        assert not rules.is_degraded(18, budgets)


class TestOrder:
    def test_the_largest_chooses_first_then_the_smallest_name(self):
        # y takes a, being the largest; w, before x of the same size, the empty b; x again the emptier.
        assert owned({"x": 2, "w": 2, "y": 3}, {"a": 50, "b": 50}) == {"a": ["y"], "b": ["w", "x"]}

    def test_the_order_of_the_input_is_nothing(self):
        sizes = {"x": 2, "w": 2, "y": 3, "e": 0}
        assert owned(sizes, {"a": 9, "b": 9}) == owned(dict(reversed(sizes.items())), {"b": 9, "a": 9})


class TestChoice:
    def test_fewest_clusters_come_before_most_room(self):
        assert owned({"large": 10, "small": 1}, {"a": 1000, "b": 20}) == {"a": ["large"], "b": ["small"]}

    def test_most_room_comes_before_the_owner(self):
        assert owned({"x": 1}, {"a": 5, "b": 6}, {"x": "a"}) == {"a": [], "b": ["x"]}

    def test_the_owner_comes_before_the_name(self):
        assert owned({"x": 1}, {"a": 5, "b": 5}, {"x": "b"}) == {"a": [], "b": ["x"]}

    def test_a_dead_owner_is_nobody(self):
        assert owned({"x": 1}, {"a": 5, "b": 5}, {"x": "gone"}) == {"a": ["x"], "b": []}

    def test_who_has_no_room_is_no_candidate(self):
        assert owned({"x": 4, "y": 4}, {"a": 4, "b": 10}) == {"a": [], "b": ["x", "y"]}


class TestOrphans:
    def test_a_full_admin_takes_an_empty_cluster(self):
        assert owned({"x": 1, "empty": 0}, {"a": 1}) == {"a": ["x", "empty"]}

    def test_a_cluster_is_never_split(self):
        assert orphaned({"x": 11}, {"a": 11, "b": 11}) == ["x"]

    def test_without_admins_all_are(self):
        assert rules.assign({"x": 0, "y": 1}, {}, {}) == ({}, ["y", "x"])


def test_the_smallest_name_leads():
    assert rules.weak_leader_of({"admin-b": 1, "admin-a": 2}) == "admin-a"


@pytest.mark.parametrize(("silent_seconds", "live"), [(-30, True), (0, True), (179, True), (180, False), (3600, False)])
def test_three_ticks_of_silence_are_death(silent_seconds, live):
    assert rules.is_live(START, START + timedelta(seconds=silent_seconds)) is live
