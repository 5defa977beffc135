"""A cloud in which networks are made, on a strict EC2, and in which time passes."""

from typing import Any

from chalicelib.cloud.network.context import CONTEXT as NETWORK
from chalicelib.cloud.network.names import main_table_of
from chalicelib.platform.provisioning.ec2_tags import stage_of
from chalicelib.platform.provisioning.model import Resource, State
from tests.support.cloud import CloudScene
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2 import FakeEc2, Machine
from tests.support.instances import InstanceWorld
from tests.support.provisioning import MovingWorld
from tests.support.provisioning_invariants import check_rest

_LONGEST_WORK_SECONDS = 600


class NetworkScene(CloudScene):
    """The cloud's API; what it makes appears at ``ec2`` two seconds later."""

    def __init__(self, client: Any = None, **settings: Any) -> None:
        clock = FakeClock()
        self.moving = MovingWorld(clock, **settings)
        stage = stage_of(self.moving.platform.settings.table_prefix)
        self.ec2 = FakeEc2(clock, stage=stage, lag_seconds=2, vpc_seconds=4)
        self.moving.machine_client = client or self.ec2
        super().__init__(self.moving)

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The data of an answer that has to be a success."""
        answer = self.send(method, path, **({} if body is None else {"json": body}), **options)
        assert answer.status < 300, answer.text
        return answer.json["data"] if answer.text else None

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, str]:
        """The status, type and message of an answer that has to be a refusal."""
        answer = self.send(method, path, **({} if body is None else {"json": body}), **options)
        assert answer.status >= 400, answer.text
        return answer.status, answer.json["error"]["type"], answer.json["error"]["message"]

    def vpc(self, name: str = "production", cidr_block: str = "10.4.0.0/16", **options: Any) -> Any:
        """A VPC, as it is answered."""
        return self.ask("POST", "/vpcs", {"name": name, "cidr_block": cidr_block}, **options)

    def subnet(self, vpc: Any, name: str = "shops", cidr_block: str = "10.4.1.0/24") -> Any:
        """A subnet, as it is answered."""
        return self.ask("POST", f"/vpcs/{vpc['id']}/subnets", {"name": name, "cidr_block": cidr_block})

    def group(self, vpc: Any, name: str = "web", **more: Any) -> Any:
        """A security group, as it is answered."""
        return self.ask("POST", "/security-groups", {"vpc_id": vpc["id"], "name": name, **more})

    def rule(self, group: Any, **fields: Any) -> Any:
        """A rule of a group, as it is answered: by default one that lets anyone reach port 443."""
        web = {"direction": "ingress", "protocol": "tcp", "port_min": 443, "port_max": 443, "cidr": "0.0.0.0/0"}
        return self.ask("POST", f"/security-groups/{group['id']}/rules", {**web, **fields})

    def gateway(self, vpc: Any = None) -> Any:
        """An internet gateway, as it is answered; attached to the VPC, if one is given."""
        made = self.ask("POST", "/internet-gateways")
        return made if vpc is None else self.attach(made, vpc)

    def attach(self, gateway: Any, vpc: Any) -> Any:
        """The gateway, as the answer to its attachment has it."""
        return self.ask("POST", f"/internet-gateways/{gateway['id']}/attach", {"vpc_id": vpc["id"]})

    def table(self, vpc: Any, name: str = "private") -> Any:
        """A route table, as it is answered."""
        return self.ask("POST", "/route-tables", {"vpc_id": vpc["id"], "name": name})

    def main_of(self, vpc: Any) -> Any:
        """The main route table of a VPC, as it is answered."""
        return self.ask("GET", f"/route-tables/{main_table_of(vpc['id'])}")

    def route(self, table: Any, target: Any, destination: str = "0.0.0.0/0", target_type: str = "igw") -> Any:
        """A route, as it is answered."""
        body = {"destination_cidr": destination, "target_type": target_type, "target_id": target["id"]}
        return self.ask("POST", f"/route-tables/{table['id']}/routes", body)

    def at_ec2(self, thing: Any) -> str:
        """The id of a thing at EC2."""
        return self.row(thing).external["id"]

    def row(self, thing: Any) -> Resource:
        """The row of a thing that was answered."""
        (row,) = [each for each in self.moving.rows() if each.id == thing["id"]]
        return row

    def check(self) -> None:
        """Let time pass until nothing is at work, and raise AssertionError for an invariant that does not hold then, of
        all kinds of networks."""
        for _ in range(_LONGEST_WORK_SECONDS):
            if any(row.is_at_work for row in self.moving.rows()):
                self.moving.pass_time(1)
        quotas = self.world.platform.quotas
        things = [thing for kind in NETWORK.kinds for thing in kind.driver(self.cloud).tagged()]
        used = lambda tenant, quota: quotas.used(tenant, [quota])[quota]  # noqa: E731
        check_rest(self.moving.rows(), things, used, self.moving.claims())
        assert max(self.ec2.most_parts.values()) == 1

    def look(self, thing: Any) -> Resource:
        """Have a worker look at a thing that is at rest, and at what its tags have shown for a while; once more, if it
        finds a difference."""
        self.moving.pass_time(5)
        row = self.row(thing)
        self.moving.platform.all_resources.wake(row.kind, row.id)
        self.moving.settle()
        self.moving.pass_time(3)
        return self.row(thing)

    def reach(self, thing: Any, state: State) -> Resource:
        """Let time pass until the thing is in this state."""
        return self.moving.reach(self.row(thing), state)


class LaunchScene(NetworkScene):
    """Networks in which instances are launched, on a strict EC2."""

    def __init__(self) -> None:
        self.moving = InstanceWorld()
        self.ec2 = self.moving.ec2
        CloudScene.__init__(self, self.moving)

    def network(self, name: str = "production", cidr_block: str = "10.4.0.0/16") -> tuple[Any, Any]:
        """A VPC with a subnet that is there."""
        vpc = self.vpc(name, cidr_block)
        subnet = self.subnet(vpc, cidr_block=cidr_block.replace("0.0/16", "1.0/24"))
        self.reach(subnet, State.READY)
        return vpc, subnet

    def launch(self, **values: Any) -> Any:
        """An instance, as it is answered."""
        return self.ask("POST", "/instances", {"name": "web-1", "image": "ubuntu-24.04", **values})

    def running(self, **values: Any) -> Any:
        """An instance that runs, as it was answered when it was launched."""
        made = self.launch(**values)
        self.reach(made, State.READY)
        return made

    def shown(self, instance: Any) -> Any:
        """An instance as it is now."""
        return self.ask("GET", f"/instances/{instance['id']}")

    def machine(self, instance: Any) -> Machine:
        """Its machine at EC2."""
        return self.ec2.machines[self.row(instance).external["id"]]

    def groups_at_ec2(self, instance: Any) -> set[str]:
        """The ids of the groups that its machine has now, as their rows have them."""
        rows = {row.external.get("id"): row.id for row in self.moving.rows() if row.kind == "security_group"}
        return {rows[each] for each in self.machine(instance).groups_at(self.moving.clock.now())}

    def change_groups(self, verb: str, instance: Any, group: Any) -> None:
        """Attach or detach a group."""
        body = {"instance_id": instance["id"], "group_id": group["id"]}
        self.ask("POST", f"/security-groups/{verb}", body)
