"""The stacks of a stage: those of families and further ones too, in the order in which they can be deleted."""

import pytest

from infra.stage_stacks import main, stage_stacks
from tests.infra.test_stage_tables import StacksOf

CORE, STATE = "edge-admin-prod", "edge-admin-prod-state"


def test_stacks_of_a_stage_stand_before_those_that_they_use():
    others = ("edge-admin-prod-admin-west", "edge-admin-prod-machines", "edge-admin-prod-unknown")
    states = ("edge-admin-prod-machines-state", "edge-admin-prod-unknown-state")

    found = stage_stacks(StacksOf(STATE, CORE, *states, *others), "prod")
    assert set(found) == {STATE, CORE, *states, *others}
    assert (set(found[:3]), set(found[3:5]), found[5:]) == (set(others), set(states), [CORE, STATE])


def test_stacks_of_a_stage_with_a_longer_name_are_not_of_this_one():
    assert stage_stacks(StacksOf(CORE, "edge-admin-prod2", "edge-admin-prod2-state"), "prod") == [CORE]


def test_half_deleted_stage_has_the_stacks_that_are_left():
    assert stage_stacks(StacksOf("edge-admin-prod-machines-state", STATE), "prod") == [
        "edge-admin-prod-machines-state",
        STATE,
    ]


def test_stage_without_stacks_is_an_error():
    with pytest.raises(ValueError, match="no stack edge-admin-prod in this account"):
        stage_stacks(StacksOf("edge-admin-dev"), "prod")


def test_invalid_stage_is_refused_before_stacks_are_asked_for(capsys):
    assert main(["--stage", "Prod"]) == 1
    assert "Prod" in capsys.readouterr().err
