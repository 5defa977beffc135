"""EC2 as a provider: one client, with the rights that `infra.policies` gives.

A machine carries the stage, its tenant and its instance as tags. EC2 describes its machines with a delay: the client
token lets a launch happen once, and machines are looked up by tag and by id.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.kit.clock import to_seconds_text
from chalicelib.machines.providers.ec2_errors import ERRORS, MISMATCH, NOT_FOUND, PAUSE_ERRORS, TENANT_ERRORS, why_ended
from chalicelib.machines.providers.ec2_request import Network, run_request
from chalicelib.machines.providers.ports import Launch
from chalicelib.machines.providers.rules import GROUPS, OTHER_TYPE
from chalicelib.platform.provisioning.aws_errors import NO_RIGHT
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, STAGE_TAG, TENANT_TAG, filter_by, tags_of
from chalicelib.platform.provisioning.model import Observation, Resource, Seen, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, UnsureError

Json = Mapping[str, Any]

PAGE = 1_000
"""The most instances that one answer holds (EC2 API reference, DescribeInstances)."""

_SEEN = {
    "pending": Seen.BECOMING,
    "running": Seen.READY,
    "stopping": Seen.STOPPING,
    "stopped": Seen.STOPPED,
    "shutting-down": Seen.ENDING,
    "terminated": Seen.ENDED,
}
_MAYBE_RESET = "EC2 did not answer, so that it is not known whether it was restarted: ask again if it was not"
_COSTS = ("pending", "running", "stopping", "stopped")
"""The states in which an instance or at least its disk costs money."""


class Ec2:
    """``client`` is botocore's, ``stage`` the value of the tag that all machines of this installation carry. ``prices``
    has the price of an hour by machine type, for people."""

    def __init__(self, client: Any, stage: str, network: Network, prices: Mapping[str, str]) -> None:
        self._client = client
        self._stage = stage
        self._network = network
        self._prices = prices

    def look(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """See `Provider.look`. One call, and a second one only where an instance is not found by its tag: tags leave a
        terminated instance before it disappears. Filters are used instead of a list of ids, since one unknown id would
        fail the whole call."""
        found = self._by_tag(RESOURCE_TAG, [each.id for each in resources])
        lost = {each.external["id"]: each.id for each in resources if each.id not in found and each.external.get("id")}
        if lost:
            for instance in self._described([filter_by("instance-id", list(lost))]):
                if instance["InstanceId"] in lost:
                    found[lost[instance["InstanceId"]]] = instance
        wanted = {each.id: each for each in resources}
        return {each: _observed(instance, wanted[each]) for each, instance in found.items()}

    def launch(self, launch: Launch) -> Mapping[str, str]:
        """See `Provider.launch`. The client token makes a repeat answer with the first call's instance."""
        with (TENANT_ERRORS if launch.subnet else ERRORS).sorted():
            try:
                with calling():
                    answer = self._client.run_instances(**run_request(launch, self._stage, self._network))
            except CallRefusedError as error:
                if error.code != MISMATCH:
                    raise
                return self._launched_before(launch.id)
        return {"id": str(answer["Instances"][0]["InstanceId"])}

    def _launched_before(self, resource_id: str) -> Mapping[str, str]:
        """The machine of an earlier call that asked for something else, such as before a deployment: it is as good.
        Raises `AgainLaterError` until it can be seen."""
        instance = self._by_tag(RESOURCE_TAG, [resource_id]).get(resource_id)
        if instance is None:
            raise AgainLaterError("EC2 does not show the machine yet")
        return {"id": str(instance["InstanceId"])}

    def start(self, resource: Resource) -> None:
        with ERRORS.sorted():
            self._client.start_instances(InstanceIds=[resource.external["id"]])

    def stop(self, resource: Resource) -> None:
        is_paused = bool(resource.spec.get("is_paused"))
        with (PAUSE_ERRORS if is_paused else ERRORS).sorted():
            kept = {"Hibernate": True} if is_paused else {}
            self._client.stop_instances(InstanceIds=[resource.external["id"]], **kept)

    def resize(self, resource: Resource) -> None:
        wanted = {"Value": str(resource.spec["machine"]["machine_type"])}
        with ERRORS.sorted():
            self._client.modify_instance_attribute(InstanceId=resource.external["id"], InstanceType=wanted)

    def regroup(self, resource: Resource, groups: Sequence[str]) -> None:
        with TENANT_ERRORS.sorted():
            self._client.modify_instance_attribute(InstanceId=resource.external["id"], Groups=list(groups))

    def reset(self, resource: Resource) -> None:
        """See `Provider.reset`. EC2 asks the operating system first, and resets the machine if that does not help
        within minutes (EC2 API reference, RebootInstances). It takes no token: after a call that was not answered,
        a machine in use might be rebooted again."""
        if resource.begun_generation >= resource.generation:
            raise UnsureError(_MAYBE_RESET)
        with ERRORS.sorted():
            self._client.reboot_instances(InstanceIds=[resource.external["id"]])

    def terminate(self, resource: Resource) -> None:
        external_id = resource.external.get("id")
        if external_id is None:
            instance = self._by_tag(RESOURCE_TAG, [resource.id]).get(resource.id)
            if instance is None:
                return
            external_id = instance["InstanceId"]
        with ERRORS.sorted():
            try:
                with calling():
                    self._client.terminate_instances(InstanceIds=[external_id])
            except CallRefusedError as error:
                if error.code == NO_RIGHT:
                    self._check_gone(resource)
                elif error.code != NOT_FOUND:
                    raise

    def tagged(self) -> Iterable[Tagged]:
        """See `Provider.tagged`. A machine type that the catalogue does not have has no price."""
        mine = [filter_by(f"tag:{STAGE_TAG}", [self._stage]), filter_by("instance-state-name", _COSTS)]
        for instance in self._described(mine):
            tags = tags_of(instance)
            yield Tagged(
                tenant=tags.get(TENANT_TAG, ""),
                resource_id=tags.get(RESOURCE_TAG, ""),
                external_id=str(instance["InstanceId"]),
                since=_time_text(instance["LaunchTime"]),
                price_per_hour=self._prices.get(str(instance["InstanceType"]), ""),
                zone=str(instance["Placement"]["AvailabilityZone"]),
            )

    def console(self, resource: Resource) -> str | None:
        """See `Provider.console`. EC2 keeps the last 64 KB, and renews them a minute after a boot or a stop."""
        if "id" not in resource.external:
            return None
        with ERRORS.sorted():
            answer = self._client.get_console_output(InstanceId=resource.external["id"])
        return answer.get("Output") or None

    def _check_gone(self, resource: Resource) -> None:
        """Raises `AgainLaterError` if EC2 shows a machine of it that has not ended."""
        instance = self._by_tag(RESOURCE_TAG, [resource.id]).get(resource.id)
        if instance is not None and _state(instance) != "terminated":
            raise ERRORS.not_gone()

    def _by_tag(self, tag: str, values: Sequence[str]) -> dict[str, Any]:
        """Instances of this stage by the value of a tag. A live one goes before a terminated one."""
        found: dict[str, Any] = {}
        for instance in self._described(
            [filter_by(f"tag:{STAGE_TAG}", [self._stage]), filter_by(f"tag:{tag}", values)]
        ):
            value = tags_of(instance).get(tag, "")
            if value not in found or _state(found[value]) == "terminated":
                found[value] = instance
        return {value: instance for value, instance in found.items() if value in set(values)}

    def _described(self, filters: Sequence[Json]) -> Iterator[Json]:
        with ERRORS.sorted():
            more: dict[str, Any] = {}
            while True:
                page = self._client.describe_instances(Filters=filters, MaxResults=PAGE, **more)
                for reservation in page["Reservations"]:
                    yield from reservation["Instances"]
                if not page.get("NextToken"):
                    return
                more = {"NextToken": page["NextToken"]}


def _observed(instance: Json, resource: Resource) -> Observation:
    """An instance as it is seen, with EC2's reason for a state other than running, its type if it is not the one that
    is wanted, and its groups in a network of its tenant."""
    wanted_type = str(resource.spec["machine"]["machine_type"])
    groups = sorted(str(each["GroupId"]) for each in instance.get("SecurityGroups", ()))
    seen = _SEEN.get(_state(instance), Seen.BECOMING)
    reason = why_ended(str((instance.get("StateReason") or {}).get("Code", ""))) if seen is not Seen.READY else ""
    facts = {
        "external_ip": instance.get("PublicIpAddress") or None,
        "internal_ip": instance.get("PrivateIpAddress") or None,
        **({} if instance["InstanceType"] == wanted_type else {OTHER_TYPE: str(instance["InstanceType"])}),
        **({GROUPS: groups} if resource.spec.get("security_group_ids") else {}),
    }
    return Observation(seen, {"id": str(instance["InstanceId"])}, facts, reason)


def _state(instance: Json) -> str:
    return str(instance["State"]["Name"])


def _time_text(moment: Any) -> str:
    return to_seconds_text(moment) if isinstance(moment, datetime) else str(moment)
