"""People of the cloud."""

import pytest

from tests.support.cloud import ADA, BOB, CloudScene


@pytest.fixture
def scene():
    return CloudScene()


@pytest.fixture
def team(scene):
    """The id of a tenant of Ada's, in which Bob is a developer."""
    tenant_id = scene.tenant()
    scene.variables["tenant_id"] = tenant_id
    scene.variables["ada"] = scene.join(tenant_id, ADA, "owner")
    scene.variables["bob"] = scene.join(tenant_id, BOB)
    return tenant_id
