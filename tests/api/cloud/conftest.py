"""People of the cloud."""

from functools import cache

import pytest

from tests.support.cloud import ADA, BOB, CloudScene


@pytest.fixture
def scene(request):
    """With the team of a test that has one: a copy of the first, which takes many times as long to make."""
    if "team" not in request.fixturenames:
        return CloudScene()
    scene = _scene_with_a_team().copy()
    for key in scene.keys.values():  # as it was: what the application knows by now it has read
        assert scene.request("list_tenants", key=key).status == 200
    return scene


@pytest.fixture
def team(scene):
    """The id of a tenant of Ada's, in which Bob is a developer. A file's own scene gets it here."""
    if "tenant_id" not in scene.variables:
        _add_team(scene)
    return scene.variables["tenant_id"]


@cache
def _scene_with_a_team():
    scene = CloudScene()
    _add_team(scene)
    return scene


def _add_team(scene):
    tenant_id = scene.variables["tenant_id"] = scene.tenant()
    scene.variables["ada"] = scene.join(tenant_id, ADA, "owner")
    scene.variables["bob"] = scene.join(tenant_id, BOB)
