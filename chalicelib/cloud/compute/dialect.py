"""The rules of instances in the cloud's dialect. Pure."""

import re
from collections.abc import Mapping

from chalicelib.cloud.compute.model import Status
from chalicelib.kit.errors import EdgeError, Kind, conflict, invalid
from chalicelib.machines.public import InstanceSpec, status_of
from chalicelib.machines.public import Status as MachineStatus
from chalicelib.platform.provisioning.model import Changes, Power, Resource

MOST_PORTS = 10
LARGEST_PORT = 65_535

_PORTS = re.compile(r"([0-9]{1,5}):([0-9]{1,5})")

_STATUSES: Mapping[MachineStatus, Status] = {
    MachineStatus.PROVISIONING: Status.STARTING,
    MachineStatus.RUNNING: Status.RUNNING,
    MachineStatus.STOPPING: Status.STOPPING,
    MachineStatus.STOPPED: Status.STOPPED,
    MachineStatus.STARTING: Status.STARTING,
    MachineStatus.RESTARTING: Status.STARTING,
    MachineStatus.TERMINATING: Status.DELETING,
    MachineStatus.TERMINATED: Status.DELETED,
    MachineStatus.FAILED: Status.ERROR,
}


def spec_of(instance: Resource) -> InstanceSpec:
    return InstanceSpec.model_validate(instance.spec)


def shown_status(instance: Resource) -> Status:
    """The status that its owner sees, whichever family has made it."""
    status = _STATUSES[status_of(instance)]
    return Status.PAUSED if status is Status.STOPPED and instance.spec.get("is_paused") else status


def region_of(zone: str) -> str:
    """``eu-central-1a`` -> ``eu-central-1``."""
    matched = re.match(r"[a-z]+(-[a-z]+)+-[0-9]+", zone)
    return matched[0] if matched else zone


def check_ports(ports: str) -> None:
    """Raises `EdgeError` (validation failed) for a list of another form, (conflict) for one that is too long."""
    pairs = [pair.strip() for pair in ports.split(",")] if ports else []
    for pair in pairs:
        found = _PORTS.fullmatch(pair)
        if found is None or any(int(port) > LARGEST_PORT for port in found.groups()):
            raise invalid(
                "ports", f"{pair[:32]!r} is none: host:container, each 0 to {LARGEST_PORT}, separated by commas"
            )
    if len(pairs) > MOST_PORTS:
        raise EdgeError(Kind.CONFLICT, f"{len(pairs)} ports are more than {MOST_PORTS}", code="too_many_ports")


def started(instance: Resource) -> Changes | None:
    """The change that starts an instance. Raises `EdgeError` (conflict) unless it is off, or starts or runs already."""
    status = shown_status(instance)
    if status in {Status.RUNNING, Status.STARTING}:
        return None
    if status in {Status.STOPPED, Status.PAUSED}:
        return Changes(power=Power.ON, spec=_awake(instance))
    raise _refused("started", status, "STOPPED or PAUSED")


def stopped(instance: Resource) -> Changes | None:
    """The change that stops an instance; one that is off already is as it should be. Raises `EdgeError` (conflict)."""
    status = shown_status(instance)
    if status in {Status.STOPPED, Status.STOPPING}:
        return None
    if status is Status.RUNNING:
        return Changes(power=Power.OFF, spec=_awake(instance))
    raise _refused("stopped", status, "RUNNING")


def paused(instance: Resource) -> Changes:
    """The change that pauses an instance. Raises `EdgeError` (conflict) unless it runs and can keep its memory."""
    status = shown_status(instance)
    if status is not Status.RUNNING:
        raise _refused("paused", status, "RUNNING")
    if not spec_of(instance).machine.get("hibernates"):
        raise conflict(
            "it cannot keep its memory while it is off: only machines on EC2 can, with the image ubuntu-22.04 and at "
            "least 1 GB of memory. Stop it instead"
        )
    return Changes(power=Power.OFF, spec={**instance.spec, "is_paused": True})


def resumed(instance: Resource) -> Changes:
    """The change that resumes an instance. Raises `EdgeError` (conflict) unless it is paused."""
    status = shown_status(instance)
    if status is not Status.PAUSED:
        raise _refused("resumed", status, "PAUSED")
    return Changes(power=Power.ON, spec=_awake(instance))


def check_resizable(instance: Resource) -> None:
    """Raises `EdgeError` (conflict) for an instance that cannot be given another type now."""
    status = shown_status(instance)
    if status not in {Status.RUNNING, Status.STOPPED, Status.ERROR}:
        raise _refused("resized", status, "RUNNING or STOPPED")


def merged(before: Mapping[str, str], sent: Mapping[str, str]) -> dict[str, str]:
    """The texts by name with those that were sent; an empty one takes its name away."""
    return {name: value for name, value in {**before, **sent}.items() if value}


def fits(labels: Mapping[str, str], wanted: str) -> bool:
    """Whether labels have a name, or with ``name:value`` that value."""
    name, separator, value = wanted.partition(":")
    return name in labels and (not separator or labels[name] == value)


def _awake(instance: Resource) -> dict[str, object] | None:
    if not instance.spec.get("is_paused"):
        return None
    return {name: value for name, value in instance.spec.items() if name != "is_paused"}


def _refused(verb: str, status: Status, needed: str) -> EdgeError:
    return conflict(f"an instance that is {status} cannot be {verb}: it has to be {needed}")
