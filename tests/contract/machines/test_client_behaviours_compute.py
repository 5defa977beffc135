"""What clients of the compute API rely on, driven as they do: raw requests, in the shapes that they can read."""

from tests.contract.machines.behaviours import GO, relied_on
from tests.support.operations.machines import MachinesScene

COMPUTE = "Compute"


@relied_on(COMPUTE, GO, "`GET /templates` answers a bare list; `diskSizeGb` is an integer, all else are strings")
def test_templates_are_a_bare_list_with_whole_numbers():
    (template,) = MachinesScene().request("list_templates").json

    assert type(template["diskSizeGb"]) is int
    texts = ("id", "name", "description", "machineType", "diskType", "image", "region")
    assert all(isinstance(template[name], str) for name in texts)


@relied_on(COMPUTE, GO, "`GET /templates/{id}/zones` answers a bare list of names")
def test_zones_are_a_bare_list_of_names():
    assert MachinesScene().request("list_zones").json == ["local-a", "local-b"]
