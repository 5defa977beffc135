"""An instance that other resources refer to stays."""

import pytest

from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.provisioning.model import NewResource
from tests.support.operations import operations_of


@pytest.mark.parametrize("view", ["delete_instance", "admin_delete_instance"])
def test_deletion_of_an_instance_that_something_refers_to_is_409(view):
    operations = operations_of("machines")
    scene = operations.scene()
    options = operations.prepared["Compute"][view](scene)
    instance_id = {**scene.variables, **options.get("variables", {})}["instance_id"]
    resources = scene.world.platform.resources(DEFAULT_TENANT)
    instance = resources.get("instance", instance_id)
    user = NewResource(kind="instance", name="user", owner=instance.owner, spec=instance.spec, parents=(instance_id,))
    resources.create(user)
    before = scene.world.state()
    answer = scene.request(view, **options)
    assert (answer.status, answer.json["error"]["code"]) == (409, "conflict")
    assert scene.world.state() == before
