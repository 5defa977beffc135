"""The parts that images have at EC2: imports of files, the snapshots that come of them, and images of these."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.cloud.images.errors import ERRORS
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, STAGE_TAG, filter_by, tags_of

Json = Mapping[str, Any]

FILE_TAG = "edge-admin:file"
"""The tag with the id of the file that a part was made of. No other kind of thing carries it."""

_ACTIVE = frozenset({"active", "pending", "deleting"})


@dataclass
class Parts:
    """The parts of one image: all that EC2 shows of it, of each of its files. ``untagged`` are snapshots that an import
    has made and that carry no tags yet, with the id of their file."""

    images: list[Json] = field(default_factory=list)
    imports: list[Json] = field(default_factory=list)
    snapshots: list[Json] = field(default_factory=list)
    untagged: list[tuple[str, Json]] = field(default_factory=list)

    @property
    def active(self) -> list[Json]:
        """The imports that are under way."""
        return [each for each in self.imports if status_of(each) in _ACTIVE]

    @property
    def are_left(self) -> bool:
        """Whether there is anything that costs, or will."""
        return bool(self.images or self.active or self.snapshots or self.untagged)

    def image_of(self, file_id: str) -> Json | None:
        return _of_file(self.images, file_id)

    def import_of(self, file_id: str) -> Json | None:
        return _of_file(self.imports, file_id)

    def snapshot_of(self, file_id: str) -> Json | None:
        tagged = _of_file(self.snapshots, file_id)
        return tagged or next((each for of, each in self.untagged if of == file_id), None)

    def every_snapshot(self) -> list[tuple[str, Json]]:
        """All snapshots, with the id of their file."""
        return [*((tags_of(each).get(FILE_TAG, ""), each) for each in self.snapshots), *self.untagged]


class ImageParts:
    """``client`` is botocore's, ``stage`` the value of the tag of this installation."""

    def __init__(self, client: Any, stage: str) -> None:
        self._client = client
        self._stage = stage

    def of(self, resource_ids: Sequence[str]) -> dict[str, Parts]:
        """The parts of these images, by their ids: three calls, and one more for snapshots that have no tags yet. EC2
        has no filter for imports; it lists those of some days."""
        found = {each: Parts() for each in resource_ids}
        wanted = [self._ours, filter_by(f"tag:{RESOURCE_TAG}", resource_ids)]
        for image in self.images(wanted):
            found[tags_of(image)[RESOURCE_TAG]].images.append(image)
        for snapshot in self._snapshots(wanted):
            found[tags_of(snapshot)[RESOURCE_TAG]].snapshots.append(snapshot)
        made: dict[str, tuple[str, str]] = {}
        for each in self.imports():
            tags = tags_of(each)
            if tags.get(RESOURCE_TAG) in found:
                found[tags[RESOURCE_TAG]].imports.append(each)
                if (snapshot_id := snapshot_in(each)) is not None:
                    made[snapshot_id] = (tags[RESOURCE_TAG], tags.get(FILE_TAG, ""))
        for parts in found.values():
            for snapshot in parts.snapshots:
                made.pop(str(snapshot["SnapshotId"]), None)
        if made:
            for snapshot in self._snapshots([filter_by("snapshot-id", sorted(made))]):
                resource_id, file_id = made[str(snapshot["SnapshotId"])]
                found[resource_id].untagged.append((file_id, snapshot))
        return found

    def images(self, filters: Sequence[Json]) -> Iterator[Json]:
        """The images of the account that fit. EC2 shows one for a while after it was deregistered."""
        listed = _pages(self._client.describe_images, "Images", Owners=["self"], Filters=list(filters))
        return (each for each in listed if each.get("State") != "deregistered")

    def imports(self) -> Iterator[Json]:
        """The imports of this installation."""
        listed = _pages(self._client.describe_import_snapshot_tasks, "ImportSnapshotTasks")
        return (each for each in listed if tags_of(each).get(STAGE_TAG) == self._stage)

    def all_images(self) -> Iterator[Json]:
        """The images of this installation."""
        return self.images([self._ours])

    def all_snapshots(self) -> Iterator[Json]:
        """The snapshots that its imports have made."""
        return self._snapshots([self._ours, filter_by("tag-key", [FILE_TAG])])

    def untagged_snapshots(self) -> Iterator[tuple[Json, Json]]:
        """The snapshots that imports have made and that carry no tags yet, each after its import."""
        made = {made_id: each for each in self.imports() if (made_id := snapshot_in(each)) is not None}
        if not made:
            return
        for snapshot in self._snapshots([filter_by("snapshot-id", sorted(made))]):
            if FILE_TAG not in tags_of(snapshot):
                yield made[str(snapshot["SnapshotId"])], snapshot

    @property
    def _ours(self) -> Json:
        return filter_by(f"tag:{STAGE_TAG}", [self._stage])

    def _snapshots(self, filters: Sequence[Json]) -> Iterator[Json]:
        return _pages(self._client.describe_snapshots, "Snapshots", OwnerIds=["self"], Filters=list(filters))


def status_of(task: Json) -> str:
    """The status of an import."""
    return str(task.get("SnapshotTaskDetail", {}).get("Status", "active"))


def snapshot_in(task: Json) -> str | None:
    """The snapshot that an import has made; None before."""
    detail = task.get("SnapshotTaskDetail", {})
    return str(detail["SnapshotId"]) if detail.get("SnapshotId") and detail.get("Status") == "completed" else None


def _of_file(things: Sequence[Json], file_id: str) -> Json | None:
    return next((each for each in things if tags_of(each).get(FILE_TAG) == file_id), None)


def _pages(call: Callable[..., Json], many: str, **request: Any) -> Iterator[Json]:
    more: dict[str, Any] = {}
    while True:
        with ERRORS.sorted():
            page = call(**request, **more)
        yield from page.get(many, ())
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
