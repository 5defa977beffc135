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
    def test_capacity_is_the_budget_less_the_other_admins(self, budget, admins, capacity):
        assert rules.capacity_of(budget, admins) == capacity

    def test_total_capacity_is_the_sum_of_capacities(self):
        assert rules.total_capacity({"a": 250, "b": 250}) == 498

    def test_total_capacity_ignores_exhausted_budgets(self):
        assert rules.total_capacity({"a": 12, "b": 1, "c": 1}) == 10

    def test_total_capacity_without_admins_is_zero(self):
        assert rules.total_capacity({}) == 0


class TestDegraded:
    @pytest.mark.parametrize(("nodes", "degraded"), [(497, False), (498, False), (499, True)])
    def test_degraded_begins_above_the_total_capacity(self, nodes, degraded):
        assert rules.is_degraded(nodes, {"a": 250, "b": 250}) is degraded

    def test_fragmented_capacity_orphans_without_being_degraded(self):
        sizes, budgets = {"x": 6, "y": 6, "z": 6}, {"a": 10, "b": 10}
        assert orphaned(sizes, budgets) == ["z"]
        assert not rules.is_degraded(18, budgets)


class TestOrder:
    def test_largest_cluster_is_assigned_first_then_smallest_name(self):
        # y takes a, being the largest; w, before x of the same size, the empty b; x again the emptier.
        assert owned({"x": 2, "w": 2, "y": 3}, {"a": 50, "b": 50}) == {"a": ["y"], "b": ["w", "x"]}

    def test_assignment_ignores_input_order(self):
        sizes = {"x": 2, "w": 2, "y": 3, "e": 0}
        assert owned(sizes, {"a": 9, "b": 9}) == owned(dict(reversed(sizes.items())), {"b": 9, "a": 9})


class TestChoice:
    def test_choice_prefers_fewest_clusters_to_most_room(self):
        assert owned({"large": 10, "small": 1}, {"a": 1000, "b": 20}) == {"a": ["large"], "b": ["small"]}

    def test_choice_prefers_most_room_to_the_owner(self):
        assert owned({"x": 1}, {"a": 5, "b": 6}, {"x": "a"}) == {"a": [], "b": ["x"]}

    def test_choice_prefers_the_owner_to_the_name(self):
        assert owned({"x": 1}, {"a": 5, "b": 5}, {"x": "b"}) == {"a": [], "b": ["x"]}

    def test_choice_ignores_a_dead_owner(self):
        assert owned({"x": 1}, {"a": 5, "b": 5}, {"x": "gone"}) == {"a": ["x"], "b": []}

    def test_choice_excludes_admins_without_room(self):
        assert owned({"x": 4, "y": 4}, {"a": 4, "b": 10}) == {"a": [], "b": ["x", "y"]}


class TestOrphans:
    def test_full_admin_takes_an_empty_cluster(self):
        assert owned({"x": 1, "empty": 0}, {"a": 1}) == {"a": ["x", "empty"]}

    def test_cluster_larger_than_any_capacity_is_orphaned(self):
        assert orphaned({"x": 11}, {"a": 11, "b": 11}) == ["x"]

    def test_clusters_without_admins_are_orphaned(self):
        assert rules.assign({"x": 0, "y": 1}, {}, {}) == ({}, ["y", "x"])


def test_weak_leader_is_the_smallest_admin_name():
    assert rules.weak_leader_of({"admin-b": 1, "admin-a": 2}) == "admin-a"


@pytest.mark.parametrize(("silent_seconds", "live"), [(-30, True), (0, True), (179, True), (180, False), (3600, False)])
def test_admin_silent_for_three_ticks_is_not_live(silent_seconds, live):
    assert rules.is_live(START, START + timedelta(seconds=silent_seconds)) is live
