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


def test_prepare_builds_parts_of_the_named_function_only(asked):
    prepare("relay_changes", asked.append)
    prepare("deliver_commands", asked.append)
    assert len(asked) == 1


def test_prepare_without_a_function_name_builds_nothing(asked, monkeypatch):
    monkeypatch.delenv("FUNCTION_NAME")
    prepare("relay_changes", asked.append)
    prepare("api_handler", asked.append)
    assert asked == []


def test_prepare_passes_on_errors_so_that_the_start_fails(asked):
    with pytest.raises(KeyError):
        prepare("relay_changes", lambda platform: {}[platform.settings.core_name])


def test_fleet_part_is_built_once_on_first_access():
    services = fleet_of(Settings(), World())
    assert "nodes" not in vars(services)
    assert services.nodes is services.nodes
    assert "commands" not in vars(services)
