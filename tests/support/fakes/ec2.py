"""A strict EC2: what the emulator lets pass, this one refuses; what takes time there, takes time here.

It stands for one account and region. States take time, descriptions lag, a page is small, client tokens hold, capacity
and limits end, calls are throttled, answers get lost, and permissions are bound to tags as `infra.machine_policies`
says. Sources: EC2 API reference (RunInstances, DescribeInstances, errors), EC2 developer guide (eventual consistency,
idempotency), EC2 user guide (instance lifecycle).
"""

import json
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.dynamo_faults import Crash
from tests.support.fakes.ec2_answers import Json, check_ranges, matches, refuse, shown_tags, tags_of, validate
from tests.support.fakes.ec2_disks import Copy, Disk, DiskCalls
from tests.support.fakes.ec2_groups import GroupCalls
from tests.support.fakes.ec2_images import ImageCalls
from tests.support.fakes.ec2_nats import NatCalls
from tests.support.fakes.ec2_peerings import PeeringCalls
from tests.support.fakes.ec2_routing import RoutingCalls

BY_ZONE = {"eu-central-1a": "subnet-0a", "eu-central-1b": "subnet-0b"}
SUBNETS = {subnet: zone for zone, subnet in BY_ZONE.items()}
SECURITY_GROUP = "sg-0closed"
STAGE = "edge-admin-test"

_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
_PAGE = 2
_REMOVING = ("Delete", "Deregister", "Release", "Terminate")
_VCPUS = 2
HIBERNATES_AFTER = timedelta(minutes=2)
"""How long after its start a machine is ready to hibernate."""
_KEPT = timedelta(hours=1)
_TAGS_KEPT = timedelta(minutes=5)
"""How long after its end an instance, and how long its tags, can still be seen."""


@dataclass
class Machine:
    """An instance. ``states`` are its states with the times from which they hold, some in the future."""

    id: str
    request: Json
    tags: dict[str, str]
    states: list[tuple[datetime, str]]
    reason: str = ""
    reboots: int = 0
    console: str = ""
    groups: list[tuple[datetime, tuple[str, ...]]] = field(default_factory=list)
    """Its security groups, with the times from which it has them."""

    def groups_at(self, at: datetime) -> tuple[str, ...]:
        """Those that it has at a time."""
        return next((ids for since, ids in reversed(self.groups) if since <= at), ())

    def state(self, at: datetime) -> str | None:
        """Its state at a time; None before it was there."""
        held = [state for since, state in self.states if since <= at]
        return held[-1] if held else None

    def become(self, now: datetime, *states: tuple[float, str]) -> None:
        """From now on it has these states, each after so many seconds, and none that it was to have."""
        self.states = [each for each in self.states if each[0] <= now]
        self.states += [(now + timedelta(seconds=seconds), state) for seconds, state in states]

    @property
    def ended_at(self) -> datetime | None:
        return next((since for since, state in self.states if state == "terminated"), None)


@dataclass
class FakeEc2(GroupCalls, RoutingCalls, NatCalls, PeeringCalls, ImageCalls, DiskCalls):
    """The SDK's client. A test sets its attributes: how long things take, and what goes wrong."""

    clock: FakeClock
    stage: str = STAGE
    lag_seconds: float = 0
    boot_seconds: float = 0
    stop_seconds: float = 0
    vcpu_limit: int = 1_000_000
    full_subnets: set[str] = field(default_factory=set)
    """Subnets whose zone has no capacity."""
    dies_at_start: str = ""
    """The code of ``StateReason`` with which new instances end before they run; "": they do not."""
    machines: dict[str, Machine] = field(default_factory=dict)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    new_id: Callable[[], str] = field(default_factory=lambda: _new_id)
    disks: dict[str, Disk] = field(default_factory=dict)
    copies: dict[str, Copy] = field(default_factory=dict)
    meta: Any = field(default_factory=lambda: SimpleNamespace(region_name="eu-central-1"))
    _tokens: dict[str, tuple[str, Json]] = field(default_factory=dict)
    _troubles: dict[str, deque[Callable[[Callable[[], Any]], Any]]] = field(default_factory=dict)

    # -- what tests do ---------------------------------------------------------------------------------------------

    def fail(self, operation: str, code: str, status: int = 400, times: int = 1) -> None:
        """The next calls of an operation are refused with this code, and do nothing."""

        def refused(_call: Callable[[], Any]) -> Any:
            refuse(code, operation, status)

        self._troubles.setdefault(operation, deque()).extend([refused] * times)

    def lose_answer(self, operation: str) -> None:
        """The next call of an operation does its work, and the answer is lost."""
        self._fail_after(operation, ReadTimeoutError(endpoint_url="https://ec2.test"))

    def crash_after(self, operation: str) -> None:
        """The next call of an operation does its work, and the function that made it dies."""
        self._fail_after(operation, Crash())

    def _fail_after(self, operation: str, error: BaseException) -> None:
        def lost(call: Callable[[], Any]) -> Any:
            call()
            raise error

        self._troubles.setdefault(operation, deque()).append(lost)

    def alive(self) -> list[Machine]:
        """The instances that are there, or are coming."""
        now = self.clock.now()
        return [each for each in self.machines.values() if each.state(now) not in {"terminated", "shutting-down"}]

    def end(self, machine_id: str, reason: str = "") -> None:
        """AWS, or somebody with its console, terminates an instance."""
        machine = self.machines[machine_id]
        machine.reason = reason
        machine.become(self.clock.now(), (0, "terminated"))

    def power_off(self, machine_id: str) -> None:
        """An instance is shut down from within."""
        self.machines[machine_id].reason = "Client.InstanceInitiatedShutdown"
        self.machines[machine_id].become(self.clock.now(), (0, "stopped"))

    def plant(self, stage: str, **tags: str) -> str:
        """An instance that somebody else has made."""
        request = {"InstanceType": "t3.small", "SubnetId": "subnet-0a"}
        machine = Machine(self.new_id(), request, {STAGE_TAG: stage, **tags}, [(self.clock.now(), "running")])
        self.machines[machine.id] = machine
        return machine.id

    def event(self, machine_id: str) -> Json:
        """The event that EventBridge has for the state of an instance."""
        state = self.machines[machine_id].state(self.clock.now())
        detail = {"instance-id": machine_id, "state": state}
        return {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": detail}

    # -- the client ------------------------------------------------------------------------------------------------

    def run_instances(self, **request: Any) -> Json:
        return self._do("RunInstances", request, lambda: self._run(request))

    def describe_instances(self, **request: Any) -> Json:
        return self._do("DescribeInstances", request, lambda: self._describe(request))

    def start_instances(self, **request: Any) -> Json:
        return self._do("StartInstances", request, lambda: self._each(request, "StartInstances", self._start))

    def stop_instances(self, **request: Any) -> Json:
        def stop(machine: Machine, now: datetime) -> None:
            if request.get("Hibernate") and not machine.request.get("HibernationOptions", {}).get("Configured"):
                refuse("UnsupportedHibernationConfiguration", "StopInstances")
            is_ready = machine.state(now - HIBERNATES_AFTER) == "running"
            if request.get("Hibernate") and machine.state(now) == "running" and not is_ready:
                refuse("UnsupportedOperation", "StopInstances")
            self._stop(machine, now)

        return self._do("StopInstances", request, lambda: self._each(request, "StopInstances", stop))

    def modify_instance_attribute(self, **request: Any) -> Json:
        def modify() -> Json:
            (machine,) = self._named([request["InstanceId"]], "ModifyInstanceAttribute")
            if "Groups" in request:
                self._check_groups(machine.request["SubnetId"], request["Groups"], "ModifyInstanceAttribute")
                machine.groups.append((self.clock.now(), tuple(request["Groups"])))
                return {}
            if machine.state(self.clock.now()) != "stopped":
                refuse("IncorrectInstanceState", "ModifyInstanceAttribute")
            machine.request = {**machine.request, "InstanceType": request["InstanceType"]["Value"]}
            return {}

        return self._do("ModifyInstanceAttribute", request, modify)

    def reboot_instances(self, **request: Any) -> Json:
        return self._do("RebootInstances", request, lambda: self._each(request, "RebootInstances", self._reboot))

    def terminate_instances(self, **request: Any) -> Json:
        return self._do(
            "TerminateInstances", request, lambda: self._each(request, "TerminateInstances", self._terminate)
        )

    def get_console_output(self, **request: Any) -> Json:
        def read() -> Json:
            (machine,) = self._named([request["InstanceId"]], "GetConsoleOutput")
            return {"InstanceId": machine.id, "Output": machine.console}

        return self._do("GetConsoleOutput", request, read)

    # -- inside ----------------------------------------------------------------------------------------------------

    def zone_of(self, machine: Machine) -> str:
        return SUBNETS.get(machine.request["SubnetId"]) or self.zone_of_subnet(machine.request["SubnetId"])

    def _do(self, operation: str, request: Json, call: Callable[[], Json]) -> Json:
        validate(operation, request)
        self.calls.append((operation, request))
        check_ranges(operation, request)
        waiting = self._troubles.get(operation)
        try:
            return waiting.popleft()(call) if waiting else call()
        except ClientError as error:
            is_gone = error.response["Error"]["Code"].endswith("NotFound") and operation.startswith(_REMOVING)
            if is_gone and operation != "DeleteRoute":
                refuse("UnauthorizedOperation", operation, 403)  # it has not the tags that the right needs
            raise

    def in_use(self) -> set[str]:
        now = self.clock.now()
        there = [each for each in self.machines.values() if each.state(now) != "terminated"]
        return {part for each in there for part in (each.request["SubnetId"], *each.groups_at(now))}

    def _run(self, request: Json) -> Json:
        self._authorise(request)
        token, asked = request.get("ClientToken"), json.dumps(request, sort_keys=True)
        if token in self._tokens:
            machine_id, before = self._tokens[token]
            if before != asked:
                refuse("IdempotentParameterMismatch", "RunInstances")
            return {"Instances": [self._shown(self.machines[machine_id], self.clock.now())]}
        self._check(request)
        now = self.clock.now()
        tags = tags_of(request, "instance")
        machine = Machine(self.new_id(), request, tags, [(now, "pending")])
        machine.groups.append((now, tuple(request["SecurityGroupIds"])))
        if self.dies_at_start:
            machine.reason = self.dies_at_start
            machine.become(now, (self.boot_seconds, "terminated"))
        else:
            machine.become(now, (self.boot_seconds, "running"))
        self.machines[machine.id] = machine
        if token is not None:
            self._tokens[token] = (machine.id, asked)
        return {"Instances": [self._shown(machine, now)]}

    def _authorise(self, request: Json) -> None:
        """As the policy of the function that makes machines."""
        disks = [each["Ebs"] for each in request.get("BlockDeviceMappings", ())]
        allowed = (
            tags_of(request, "instance").get(STAGE_TAG) == self.stage
            and tags_of(request, "volume").get(STAGE_TAG) == self.stage
            and request.get("MetadataOptions", {}).get("HttpTokens") == "required"
            and "IamInstanceProfile" not in request
            and bool(disks)
            and all(disk.get("Encrypted") for disk in disks)
        )
        if not allowed:
            refuse("UnauthorizedOperation", "RunInstances", 403)

    def _check(self, request: Json) -> None:
        groups = request.get("SecurityGroupIds", [])
        if request["SubnetId"] not in SUBNETS:
            self._check_groups(request["SubnetId"], groups, "RunInstances")
        elif groups != [SECURITY_GROUP]:
            refuse("InvalidGroup.NotFound", "RunInstances")
        if not request["ImageId"].startswith(("ami-", "resolve:ssm:/aws/service/")):
            refuse("InvalidAMIID.Malformed", "RunInstances")
        if "CreditSpecification" in request and not request["InstanceType"].startswith("t"):
            refuse("InvalidParameterCombination", "RunInstances")
        if len(request.get("UserData", "")) > 16_384:
            refuse("InvalidParameterValue", "RunInstances")
        if request["SubnetId"] in self.full_subnets:
            refuse("InsufficientInstanceCapacity", "RunInstances", 500)
        now = self.clock.now()
        running = [each for each in self.alive() if each.state(now) in {"pending", "running"}]
        if (len(running) + 1) * _VCPUS > self.vcpu_limit:
            refuse("VcpuLimitExceeded", "RunInstances")

    def _describe(self, request: Json) -> Json:
        if "InstanceIds" in request and "MaxResults" in request:
            refuse("InvalidParameterCombination", "DescribeInstances")
        self._named(request.get("InstanceIds", []), "DescribeInstances", owned=False)
        seen = self.clock.now() - timedelta(seconds=self.lag_seconds)
        found = [self._shown(each, seen) for each in self._visible(seen)]
        found = [each for each in found if all(_fits(each, one) for one in request.get("Filters", ()))]
        if wanted := request.get("InstanceIds"):
            found = [each for each in found if each["InstanceId"] in wanted]
        start = int(request.get("NextToken", "0"))
        page = found[start : start + min(_PAGE, request.get("MaxResults", len(found) or 1))]
        more = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(found) else {}
        return {"Reservations": [{"Instances": [each]} for each in page], **more}

    def _visible(self, seen: datetime) -> Iterator[Machine]:
        for each in self.machines.values():
            ended = each.ended_at
            if each.state(seen) is not None and (ended is None or seen < ended + _KEPT):
                yield each

    def _shown(self, machine: Machine, at: datetime) -> Json:
        state = machine.state(at) or "pending"
        ended = machine.ended_at
        tags = {} if ended is not None and at >= ended + _TAGS_KEPT else machine.tags
        shown: Json = {
            "InstanceId": machine.id,
            "InstanceType": machine.request["InstanceType"],
            "State": {"Code": _CODES[state], "Name": state},
            "LaunchTime": machine.states[0][0],
            "Placement": {"AvailabilityZone": self.zone_of(machine)},
            "SubnetId": machine.request["SubnetId"],
            "SecurityGroups": [{"GroupId": each} for each in machine.groups_at(at)],
            "Tags": shown_tags(tags),
        }
        if state in {"pending", "running", "stopping", "stopped"}:
            shown["PrivateIpAddress"] = self.address_in(machine.request["SubnetId"])
        if state == "running":
            own = "198.51.100.7" if machine.request["SubnetId"] in SUBNETS else ""
            shown["PublicIpAddress"] = self.public_ip_of(machine.id, at) or own
        elif machine.reason:
            shown["StateReason"] = {"Code": machine.reason, "Message": f"{machine.reason}: of this account"}
        return shown

    def _each(self, request: Json, operation: str, act: Callable[[Machine, datetime], None]) -> Json:
        now = self.clock.now()
        for machine in self._named(request["InstanceIds"], operation):
            act(machine, now)
        return {}

    def _named(self, ids: Sequence[str], operation: str, *, owned: bool = True) -> list[Machine]:
        now = self.clock.now()
        for each in ids:
            machine = self.machines.get(each)
            ended = None if machine is None else machine.ended_at
            if machine is None or (ended is not None and now >= ended + _KEPT):
                refuse("InvalidInstanceID.NotFound", operation)
            if owned and self.is_new(machine.states[0][0]):
                refuse("InvalidInstanceID.NotFound", operation)
            tags = {} if ended is not None and now >= ended + _TAGS_KEPT else machine.tags
            if owned and tags.get(STAGE_TAG) != self.stage:
                refuse("UnauthorizedOperation", operation, 403)
        return [self.machines[each] for each in ids]

    def _start(self, machine: Machine, now: datetime) -> None:
        state = machine.state(now)
        if state == "stopped":
            machine.reason = ""
            machine.become(now, (0, "pending"), (self.boot_seconds, "running"))
        elif state not in {"pending", "running"}:
            refuse("IncorrectInstanceState", "StartInstances")

    def _stop(self, machine: Machine, now: datetime) -> None:
        state = machine.state(now)
        if state == "running":
            machine.reason = "Client.UserInitiatedShutdown"
            machine.become(now, (0, "stopping"), (self.stop_seconds, "stopped"))
        elif state not in {"stopping", "stopped"}:
            refuse("IncorrectInstanceState", "StopInstances")

    def _reboot(self, machine: Machine, now: datetime) -> None:
        if machine.state(now) != "running":
            refuse("IncorrectInstanceState", "RebootInstances")
        machine.reboots += 1

    def _terminate(self, machine: Machine, now: datetime) -> None:
        if machine.state(now) not in {"shutting-down", "terminated"}:
            machine.reason = "Client.UserInitiatedShutdown"
            machine.become(now, (0, "shutting-down"), (self.stop_seconds, "terminated"))


def _fits(shown: Json, one: Mapping[str, Any]) -> bool:
    known = {"instance-id": shown["InstanceId"], "instance-state-name": shown["State"]["Name"]}
    return matches(shown, one, known, "DescribeInstances")


def _new_id() -> str:
    return f"i-{secrets.token_hex(8)}0"
