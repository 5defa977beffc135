"""Imports of disks and images of the strict EC2.

An import takes time, reads a file that has to be there, and makes a snapshot without tags; a snapshot is registered
when it is whole, and not deleted while an image has it. Sources: EC2 API reference (ImportSnapshot,
DescribeImportSnapshotTasks, CancelImportTask, RegisterImage, DeregisterImage, CreateTags).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2_answers import Json, matches, refuse, shown_tags, tags_of
from tests.support.fakes.ec2_disks import Copy

_PAGE = 2
_FORMATS = ("RAW", "VHD", "VMDK")
_ARCHITECTURE = "x86_64"
_SHOWN_AFTERWARDS = timedelta(minutes=2)


@dataclass
class Import:
    """An import of a disk. ``snapshot`` is what it has made; ``fails``: EC2 finds that the file is not a disk."""

    id: str
    request: Json
    tags: dict[str, str]
    since: datetime
    seconds: float
    snapshot: str = ""
    cancelled_at: datetime | None = None
    fails: bool = False

    def status(self, at: datetime) -> str:
        if self.cancelled_at is not None and self.cancelled_at <= at:
            return "deleted"
        if self.since + timedelta(seconds=self.seconds) > at:
            return "active"
        return "deleted" if self.fails else "completed"


@dataclass
class Ami:
    """An image."""

    id: str
    request: Json
    tags: dict[str, str]
    since: datetime

    @property
    def snapshot(self) -> str:
        return str(self.request["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"])


@dataclass(kw_only=True)
class ImageCalls:
    """The part of the SDK's client for images. ``import_seconds`` is how long an import takes, ``disk_gb`` the size of
    the disks that files hold."""

    import_seconds: float = 30
    disk_gb: int = 3
    has_file: Callable[[str, str], bool] = lambda _bucket, _key: True
    """Whether there is a file at S3, by bucket and key."""
    import_role: str = ""
    """The role that reads them."""
    bad_files: bool = False
    """EC2 finds new files to be no disks."""
    imports: dict[str, Import] = field(default_factory=dict)
    amis: dict[str, Ami] = field(default_factory=dict)
    former: list[tuple[Ami, datetime]] = field(default_factory=list)
    """Those that were deregistered, and when."""

    clock: FakeClock
    stage: str = ""
    lag_seconds: float = 0
    copies: dict[str, Copy]
    _numbers: Iterator[int]
    _tokens: dict[str, Any]

    # -- the client ------------------------------------------------------------------------------------------------

    def import_snapshot(self, **request: Any) -> Json:
        return self._do("ImportSnapshot", request, lambda: self._begin_import(request))

    def describe_import_snapshot_tasks(self, **request: Any) -> Json:
        def describe() -> Json:
            self._work()
            if request.get("Filters"):
                refuse("InvalidParameterValue", "DescribeImportSnapshotTasks")
            seen = self.clock.now() - timedelta(seconds=self.lag_seconds)
            there = [self._shown_import(each, seen) for each in self.imports.values() if each.since <= seen]
            return _page("ImportSnapshotTasks", there, request)

        return self._do("DescribeImportSnapshotTasks", request, describe)

    def cancel_import_task(self, **request: Any) -> Json:
        def cancel() -> Json:
            self._work()
            task = self.imports.get(request["ImportTaskId"])
            if task is None:
                refuse("InvalidConversionTaskId", "CancelImportTask")
            self._allow(task.tags, "CancelImportTask")
            if task.status(self.clock.now()) != "active":
                refuse("IncorrectState", "CancelImportTask")
            task.cancelled_at = self.clock.now()
            return {}

        return self._do("CancelImportTask", request, cancel)

    def create_tags(self, **request: Any) -> Json:
        """Tags snapshots alone: those without tags, and those of this installation."""

        def tag() -> Json:
            self._work()
            tags = {each["Key"]: each["Value"] for each in request["Tags"]}
            self._allow(tags, "CreateTags")
            for name in request["Resources"]:
                if name not in self.copies:
                    refuse("InvalidSnapshot.NotFound", "CreateTags")
                copy = self.copies[name]
                if copy.tags:
                    self._allow(copy.tags, "CreateTags")
                copy.tagged_at = copy.tagged_at if copy.tags else self.clock.now()
                copy.tags = {**copy.tags, **tags}
            return {}

        return self._do("CreateTags", request, tag)

    def register_image(self, **request: Any) -> Json:
        return self._do("RegisterImage", request, lambda: self._register_image(request))

    def describe_images(self, **request: Any) -> Json:
        def describe() -> Json:
            if request.get("Owners") != ["self"]:
                refuse("InvalidParameterValue", "DescribeImages")
            seen = self.clock.now() - timedelta(seconds=self.lag_seconds)
            there = [_ami(each) for each in self.amis.values() if each.since <= seen]
            shown_until = self.clock.now() - _SHOWN_AFTERWARDS
            there += [{**_ami(each), "State": "deregistered"} for each, at in self.former if at > shown_until]
            fits = [each for each in there if all(matches(each, one, {}, "") for one in request.get("Filters", ()))]
            return _page("Images", fits, request)

        return self._do("DescribeImages", request, describe)

    def deregister_image(self, **request: Any) -> Json:
        def deregister() -> Json:
            image = self.amis.get(request["ImageId"])
            if image is None:
                known = request["ImageId"] in {each.id for each, _ in self.former}
                refuse("InvalidAMIID.Unavailable" if known else "InvalidAMIID.NotFound", "DeregisterImage")
            self._allow(image.tags, "DeregisterImage")
            del self.amis[image.id]
            self.former.append((image, self.clock.now()))
            return {}

        return self._do("DeregisterImage", request, deregister)

    # -- inside ----------------------------------------------------------------------------------------------------

    def used_by_images(self) -> set[str]:
        """The snapshots that images have."""
        return {each.snapshot for each in self.amis.values()}

    def _begin_import(self, request: Json) -> Json:
        tags, token = tags_of(request, "import-snapshot-task"), request.get("ClientToken", "")
        self._allow(tags, "ImportSnapshot")
        asked = json.dumps(request, sort_keys=True)
        if token in self._tokens:
            made, before = self._tokens[token]
            if before != asked:
                refuse("IdempotentParameterMismatch", "ImportSnapshot")
            return self._shown_import(self.imports[made], self.clock.now())
        disk = request["DiskContainer"]
        if not request.get("Encrypted") or request.get("RoleName") != self.import_role:
            refuse("InvalidParameter", "ImportSnapshot")
        if disk["Format"] not in _FORMATS:
            refuse("InvalidParameterValue", "ImportSnapshot")
        source = disk["UserBucket"]
        if not self.has_file(source["S3Bucket"], source["S3Key"]):
            refuse("InvalidParameter", "ImportSnapshot")
        number = f"import-snap-{next(self._numbers):017x}"
        task = Import(number, request, tags, self.clock.now(), self.import_seconds, fails=self.bad_files)
        self.imports[task.id] = task
        self._tokens[token] = (task.id, asked)
        return self._shown_import(task, self.clock.now())

    def _register_image(self, request: Json) -> Json:
        self._work()
        tags = tags_of(request, "image")
        self._allow(tags, "RegisterImage")
        if request["Name"] in {each.request["Name"] for each in self.amis.values()}:
            refuse("InvalidAMIName.Duplicate", "RegisterImage")
        wanted = request["BlockDeviceMappings"][0]
        copy = self.copies.get(wanted["Ebs"]["SnapshotId"])
        if copy is None:
            refuse("InvalidSnapshot.NotFound", "RegisterImage")
        self._allow(copy.tags_at(self.clock.now()), "RegisterImage")
        fits = wanted["DeviceName"] == request["RootDeviceName"] and request["Architecture"] == _ARCHITECTURE
        if not fits or request["VirtualizationType"] != "hvm":
            refuse("InvalidParameterValue", "RegisterImage")
        image = Ami(f"ami-{next(self._numbers):017x}", request, tags, self.clock.now())
        self.amis[image.id] = image
        return {"ImageId": image.id}

    def _work(self) -> None:
        """Imports that have ended make their snapshots."""
        now = self.clock.now()
        for task in self.imports.values():
            if not task.snapshot and task.status(now) == "completed":
                ended = task.since + timedelta(seconds=task.seconds)
                copy = Copy(f"snap-{next(self._numbers):017x}", {"VolumeSize": self.disk_gb}, {}, ended)
                self.copies[copy.id] = copy
                task.snapshot = copy.id

    def _shown_import(self, task: Import, at: datetime) -> Json:
        status = task.status(at)
        detail: Json = {"Status": status, "Progress": "19", "Format": task.request["DiskContainer"]["Format"]}
        if status == "deleted":
            detail["StatusMessage"] = "ClientError: a text that names things of the account"
        if status == "completed" and task.snapshot:
            detail["SnapshotId"] = task.snapshot
        return {"ImportTaskId": task.id, "SnapshotTaskDetail": detail, "Tags": shown_tags(task.tags)}

    def _allow(self, tags: dict[str, str], operation: str) -> None:
        if tags.get(STAGE_TAG) != self.stage:
            refuse("UnauthorizedOperation", operation, 403)

    def _do(self, operation: str, request: Json, call: Callable[[], Json]) -> Json:
        raise NotImplementedError


def _ami(image: Ami) -> Json:
    disk = {"DeviceName": image.request["RootDeviceName"], "Ebs": {"SnapshotId": image.snapshot}}
    return {
        "ImageId": image.id,
        "State": "available",
        "BlockDeviceMappings": [disk],
        "Tags": shown_tags(image.tags),
    }


def _page(key: str, found: list[Json], request: Json) -> Json:
    start = int(request.get("NextToken", "0"))
    more = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(found) else {}
    return {key: found[start : start + _PAGE], **more}
