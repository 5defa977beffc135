"""What is built while a function starts."""

import pytest

from chalicelib import bootstrap
from chalicelib.bootstrap import prepare
from chalicelib.platform.wiring import Platform
from chalicelib.settings import Settings
from tests.support.world import World, fleet_of


@pytest.fixture
def asked(monkeypatch):
    """The containers that `prepare` handed out as the function ``relay_changes``."""
    monkeypatch.setenv("FUNCTION_NAME", "relay_changes")
    world = World()
    handed: list[Platform] = []
    with bootstrap.serving(world.platform):
        yield handed
    assert all(each is world.platform for each in handed)


def test_the_parts_of_this_function_are_built_and_of_no_other(asked):
    prepare("relay_changes", asked.append)
    prepare("deliver_commands", asked.append)
    assert len(asked) == 1


def test_where_there_is_no_function_nothing_is_built(asked, monkeypatch):
    monkeypatch.delenv("FUNCTION_NAME")
    prepare("relay_changes", asked.append)
    prepare("api_handler", asked.append)
    assert asked == []


def test_a_function_that_cannot_be_prepared_does_not_start(asked):
    with pytest.raises(KeyError):
        prepare("relay_changes", lambda platform: {}[platform.settings.core_name])


def test_a_part_is_built_when_it_is_asked_for_and_once():
    services = fleet_of(Settings(), World())
    assert "nodes" not in vars(services)
    assert services.nodes is services.nodes
    assert "commands" not in vars(services)
