"""The volumes and snapshots of the strict EC2.

They take time and are described later; a volume is attached once, in its own zone, to a machine that runs or is off,
and is deleted only where it is free; a snapshot is restored only once it is whole. Sources: EC2 API reference
(CreateVolume, AttachVolume, DetachVolume, DeleteVolume, CreateSnapshot), EC2 user guide, "Attach an EBS volume".
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2_answers import Json, matches, refuse, shown_tags, tags_of

DISK_SECONDS = 5
_PAGE = 2
_ZONES = ("eu-central-1a", "eu-central-1b")


@dataclass
class Disk:
    """A volume. ``attached`` is the machine, the device, since when, and since when it is being detached."""

    id: str
    request: Json
    tags: dict[str, str]
    since: datetime
    ends: datetime | None = None
    machine: str = ""
    device: str = ""
    attached_at: datetime | None = None
    leaves_at: datetime | None = None


@dataclass
class Copy:
    """A snapshot."""

    id: str
    request: Json
    tags: dict[str, str]
    since: datetime
    is_broken: bool = False
    tagged_at: datetime | None = None
    """The time at which it got its tags, for one that was made without."""

    def tags_at(self, at: datetime) -> dict[str, str]:
        """Its tags as EC2 knows them then, also where rights are bound to them."""
        return {} if self.tagged_at is not None and self.tagged_at >= at else self.tags


class DiskCalls:
    """The calls about volumes and snapshots, for the client."""

    clock: FakeClock
    stage: str
    lag_seconds: float
    disks: dict[str, Disk]
    copies: dict[str, Copy]
    machines: dict[str, Any]
    _tokens: dict[str, Any]
    _numbers: Iterator[int]

    # -- what tests do ---------------------------------------------------------------------------------------------

    def volumes_there(self) -> list[Disk]:
        """Those that cost money."""
        return [disk for disk in self.disks.values() if disk.ends is None]

    def location_of(self, disk: Disk) -> tuple[str, str]:
        """The machine and the device that a volume is attached to; "" for none."""
        return (disk.machine, disk.device) if self._is_attached(disk) else ("", "")

    def detach(self, disk: Disk) -> None:
        """Somebody with a console detaches a volume."""
        disk.machine, disk.attached_at, disk.leaves_at = "", None, None

    # -- the client ------------------------------------------------------------------------------------------------

    def create_volume(self, **request: Any) -> Json:
        return self._do("CreateVolume", request, lambda: self._create_volume(request))

    def describe_volumes(self, **request: Any) -> Json:
        def describe() -> Json:
            seen = self.clock.now() - timedelta(seconds=self.lag_seconds)
            there = [
                each for each in self.disks.values() if each.since <= seen and not (each.ends and each.ends <= seen)
            ]
            return _page("Volumes", [self._volume(each, seen) for each in there], request, "DescribeVolumes")

        return self._do("DescribeVolumes", request, describe)

    def attach_volume(self, **request: Any) -> Json:
        return self._do("AttachVolume", request, lambda: self._attach(request))

    def detach_volume(self, **request: Any) -> Json:
        return self._do("DetachVolume", request, lambda: self._detach(request))

    def delete_volume(self, **request: Any) -> Json:
        def delete() -> Json:
            disk = self._disk(request, "DeleteVolume")
            if self._is_attached(disk):
                refuse("VolumeInUse", "DeleteVolume")
            disk.ends = self.clock.now()
            return {}

        return self._do("DeleteVolume", request, delete)

    def create_snapshot(self, **request: Any) -> Json:
        def create() -> Json:
            self._disk(request, "CreateSnapshot")
            tags = tags_of(request, "snapshot")
            self._allow(tags, "CreateSnapshot")
            size = {"VolumeSize": self.disks[request["VolumeId"]].request["Size"]}
            copy = Copy(f"snap-{next(self._numbers):017x}", {**request, **size}, tags, self.clock.now())
            self.copies[copy.id] = copy
            return _copy(copy, self.clock.now())

        return self._do("CreateSnapshot", request, create)

    def describe_snapshots(self, **request: Any) -> Json:
        def describe() -> Json:
            self._work()
            seen = self.clock.now() - timedelta(seconds=self.lag_seconds)
            there = [_copy(each, seen) for each in self.copies.values() if each.since <= seen]
            return _page("Snapshots", there, request, "DescribeSnapshots")

        return self._do("DescribeSnapshots", request, describe)

    def delete_snapshot(self, **request: Any) -> Json:
        def delete() -> Json:
            copy = self.copies.get(request["SnapshotId"])
            if copy is None:
                refuse("InvalidSnapshot.NotFound", "DeleteSnapshot")
            self._allow(copy.tags_at(self.clock.now()), "DeleteSnapshot")
            if copy.id in self.used_by_images():
                refuse("InvalidSnapshot.InUse", "DeleteSnapshot")
            del self.copies[copy.id]
            return {}

        return self._do("DeleteSnapshot", request, delete)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _create_volume(self, request: Json) -> Json:
        tags, token = tags_of(request, "volume"), request.get("ClientToken", "")
        self._allow(tags, "CreateVolume")
        if not request.get("Encrypted"):
            refuse("UnauthorizedOperation", "CreateVolume", 403)
        asked = json.dumps(request, sort_keys=True)
        if token in self._tokens:
            made, before = self._tokens[token]
            if before != asked:
                refuse("IdempotentParameterMismatch", "CreateVolume")
            return self._volume(self.disks[made], self.clock.now())
        if request["AvailabilityZone"] not in _ZONES:
            refuse("InvalidZone.NotFound", "CreateVolume")
        if (source := request.get("SnapshotId")) is not None:
            if source not in self.copies or self.is_new(self.copies[source].since):
                refuse("InvalidSnapshot.NotFound", "CreateVolume")
            if _copy(self.copies[source], self.clock.now())["State"] != "completed":
                refuse("IncorrectState", "CreateVolume")
        disk = Disk(f"vol-{next(self._numbers):017x}", request, tags, self.clock.now())
        self.disks[disk.id] = disk
        self._tokens[token] = (disk.id, asked)
        return self._volume(disk, self.clock.now())

    def _attach(self, request: Json) -> Json:
        disk, now = self._disk(request, "AttachVolume"), self.clock.now()
        machine = self.machines.get(request["InstanceId"])
        if machine is None or machine.state(now) == "terminated" or self.is_new(machine.states[0][0]):
            refuse("InvalidInstanceID.NotFound", "AttachVolume")
        self._allow(machine.tags, "AttachVolume")
        if self._is_attached(disk):
            refuse("VolumeInUse", "AttachVolume")
        if self._volume(disk, now)["State"] != "available" or machine.state(now) not in {"running", "stopped"}:
            refuse("IncorrectState", "AttachVolume")
        if self.zone_of(machine) != disk.request["AvailabilityZone"]:
            refuse("InvalidVolume.ZoneMismatch", "AttachVolume")
        others = [each for each in self.volumes_there() if self._is_attached(each) and each.machine == machine.id]
        if request["Device"] in {each.device for each in others}:
            refuse("InvalidParameterValue", "AttachVolume")
        disk.machine, disk.device = machine.id, request["Device"]
        disk.attached_at, disk.leaves_at = now + timedelta(seconds=DISK_SECONDS), None
        return {}

    def _detach(self, request: Json) -> Json:
        disk, now = self._disk(request, "DetachVolume"), self.clock.now()
        if not self._is_attached(disk):
            refuse("IncorrectState", "DetachVolume")
        if (disk.machine, disk.device) != (request.get("InstanceId"), request.get("Device")):
            refuse("InvalidAttachment.NotFound", "DetachVolume")
        disk.leaves_at = disk.leaves_at or now + timedelta(seconds=DISK_SECONDS)
        return {}

    def _is_attached(self, disk: Disk, at: datetime | None = None) -> bool:
        now = at or self.clock.now()
        machine = self.machines.get(disk.machine)
        ended = machine is None or machine.state(now) == "terminated"
        return bool(disk.machine) and not ended and not (disk.leaves_at is not None and disk.leaves_at <= now)

    def _volume(self, disk: Disk, at: datetime) -> Json:
        is_attached = self._is_attached(disk, at)
        is_made = disk.since + timedelta(seconds=DISK_SECONDS) <= at
        state = "in-use" if is_attached else "available" if is_made else "creating"
        attachments = []
        if is_attached:
            how = "detaching" if disk.leaves_at else "attached" if (disk.attached_at or at) <= at else "attaching"
            attachments = [{"InstanceId": disk.machine, "Device": disk.device, "State": how, "VolumeId": disk.id}]
        return {
            "VolumeId": disk.id,
            "State": state,
            "Attachments": attachments,
            "AvailabilityZone": disk.request["AvailabilityZone"],
            "CreateTime": disk.since,
            "Size": disk.request["Size"],
            "Tags": shown_tags(disk.tags),
        }

    def _disk(self, request: Json, operation: str) -> Disk:
        disk = self.disks.get(request["VolumeId"])
        if disk is None or disk.ends is not None or self.is_new(disk.since):
            refuse("InvalidVolume.NotFound", operation)
        self._allow(disk.tags, operation)
        return disk

    def _allow(self, tags: dict[str, str], operation: str) -> None:
        if tags.get(STAGE_TAG) != self.stage:
            refuse("UnauthorizedOperation", operation, 403)

    def _do(self, operation: str, request: Json, call: Callable[[], Json]) -> Json:
        raise NotImplementedError

    def is_new(self, made_at: datetime) -> bool:
        """Whether something was made so lately that calls which name it do not find it yet."""
        raise NotImplementedError

    def used_by_images(self) -> set[str]:
        """The snapshots that images have."""
        raise NotImplementedError

    def _work(self) -> None:
        """Imports that have ended make their snapshots."""
        raise NotImplementedError

    def zone_of(self, machine: Any) -> str:
        """The zone of a machine's subnet."""
        raise NotImplementedError


def _copy(copy: Copy, at: datetime) -> Json:
    is_whole = copy.since + timedelta(seconds=DISK_SECONDS) <= at
    state = "error" if copy.is_broken else "completed" if is_whole else "pending"
    return {
        "SnapshotId": copy.id,
        "State": state,
        "StartTime": copy.since,
        "VolumeSize": copy.request.get("VolumeSize", 0),
        "Tags": shown_tags(copy.tags_at(at)),
    }


def _page(key: str, things: list[Json], request: Json, operation: str) -> Json:
    def fits(thing: Json) -> bool:
        known = {"snapshot-id": thing.get("SnapshotId", "")}
        return all(matches(thing, one, known, operation) for one in request.get("Filters", ()))

    found = [each for each in things if fits(each)]
    start = int(request.get("NextToken", "0"))
    more = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(found) else {}
    return {key: found[start : start + _PAGE], **more}
