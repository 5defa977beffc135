"""A world in which instances are made: on a strict EC2, on the emulator's, or by the fake host of local machines."""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.kit.crypto import Secret
from chalicelib.machines.instances.model import INSTANCE, InstanceSpec
from chalicelib.platform.provisioning.ec2_tags import stage_of
from chalicelib.platform.provisioning.model import NewResource, Power, Resource
from chalicelib.platform.quotas.rules import INSTANCES
from tests.support.builders import a_registration
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2 import BY_ZONE, SECURITY_GROUP, FakeEc2
from tests.support.machines import EC2_MACHINE
from tests.support.provisioning import MovingWorld
from tests.support.world import IMPORT_ROLE

CLUSTER = "shops"
TENANT = "default"

_KEY = re.compile(r"<<'END_OF_KEY'\n(?P<key>[^\n]+)\nEND_OF_KEY")


def key_in(request: Mapping[str, Any]) -> str | None:
    """The enrollment key that a request for a machine at EC2 gives it, None for one that does not enrol."""
    found = _KEY.search(request.get("UserData", ""))
    return None if found is None else found["key"]


class InstanceWorld(MovingWorld):
    """``client`` is EC2's; by default a strict fake, on which everything takes a while and is seen later."""

    def __init__(self, client: Any = None, **settings: Any) -> None:
        clock = FakeClock()
        super().__init__(
            clock,
            machine_providers=("ec2", "local"),
            machine_subnets=tuple(f"{zone}={subnet}" for zone, subnet in BY_ZONE.items()),
            machine_security_groups=(SECURITY_GROUP,),
            **settings,
        )
        self.ec2 = FakeEc2(
            clock, stage=stage_of(self.platform.settings.table_prefix), lag_seconds=2, boot_seconds=20, stop_seconds=10
        )
        self.ec2.has_file, self.ec2.import_role = self.object_client.has, IMPORT_ROLE
        self.machine_client = client or self.ec2

    def create(self, *, cluster: str | None = None, zone: str = "eu-central-1a", **more: Any) -> Resource:
        """Ask for an instance on EC2."""
        spec = InstanceSpec(template_id="any", zone=zone, provider="ec2", cluster_name=cluster, machine=EC2_MACHINE)
        new: dict[str, Any] = {"owner": "", "spec": spec.model_dump(mode="json"), "quota": INSTANCES, **more}
        return self.platform.resources(TENANT).create(
            NewResource(kind=INSTANCE, name="brisk-otter", power=Power.ON, **new)
        )

    def row(self, resource: Resource) -> Resource:
        """The instance as it is. Raises `EdgeError` (not found)."""
        return self.platform.resources(TENANT).get(INSTANCE, resource.id)

    def change(self, resource: Resource, changes: Any) -> Resource:
        return self.platform.resources(TENANT).change(INSTANCE, resource.id, lambda _: changes, "instance.changed")

    def delete(self, resource: Resource) -> Resource:
        return self.platform.resources(TENANT).delete(INSTANCE, resource.id, "instance.deleted")

    def used(self) -> int:
        """How much of its quota the tenant has taken."""
        return self.platform.quotas.used(TENANT, [INSTANCES])[INSTANCES]

    def key_of(self, resource: Resource) -> Secret:
        """The enrollment key that the instance's machine was given."""
        requests = [request for operation, request in self.ec2.calls if operation == "RunInstances"]
        key = key_in(next(each for each in requests if each["ClientToken"] == resource.id))
        assert key is not None
        return Secret(key)

    def key_works(self, resource: Resource) -> bool:
        """Whether a machine with the instance's key and id would be let in now."""
        return str(self.fleet.enrollment.look_at(self.key_of(resource).reveal())) == "verified"

    def enrol(self, resource: Resource, key: Secret | None = None) -> bool:
        """The agent of the instance's machine enrols, with its own key or another; whether it was let in."""
        answer = self.fleet.enrollment.verify((key or self.key_of(resource)).reveal(), resource.id)
        if answer.verified:
            registration = a_registration(resource.id, CLUSTER)
            self.fleet.nodes.registering.register(registration, answer.registration_token, None)
        return answer.verified
