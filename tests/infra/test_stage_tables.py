"""The tables of a stage: those of the families that are deployed in it, and no others."""

import pytest

from chalicelib import families
from infra.deployables import CORE, deployables
from infra.stage_tables import main, stage_tables
from tests.support.declared import TABLES


class StacksOf:
    """Stacks by name."""

    def __init__(self, *names):
        self._names = names

    def exists(self, name):
        return name in self._names

    def names(self, prefix):
        return [name for name in self._names if name.startswith(prefix)]


def test_stage_without_further_families_has_the_tables_of_the_core():
    found = stage_tables(StacksOf("edge-admin-dev-state", "edge-admin-dev", "edge-admin-dev-admin-west"), "dev")
    assert found == tuple(CORE.tables)
    assert set(found) < set(TABLES)


def test_stage_with_every_family_has_every_table():
    own = [f"edge-admin-dev-{each.family.name}" for each in deployables(families.chosen(families.EVERY))[1:]]
    assert set(stage_tables(StacksOf("edge-admin-dev", *own), "dev")) == set(TABLES)


def test_stage_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="edge-admin-dev in this account"):
        stage_tables(StacksOf("edge-admin-prod"), "dev")


def test_invalid_stage_is_refused_before_aws_is_asked(capsys):
    assert main(["--stage", "Dev"]) == 1
    assert "Dev" in capsys.readouterr().err
