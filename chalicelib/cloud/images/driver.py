"""The driver of images: EC2 imports a file as a snapshot, of which an image is registered.

See `platform.provisioning.ports.Driver`. An image without a file has nothing at EC2, and is at rest. Each call carries
the id of the file as its token or name, so that a repeat makes nothing new.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from chalicelib.cloud.aws_prices import hourly
from chalicelib.cloud.images import rules
from chalicelib.cloud.images.ec2_parts import FILE_TAG, ImageParts, Json, Parts, status_of
from chalicelib.cloud.images.errors import ERRORS, NO_SNAPSHOT, OVER, TAKEN
from chalicelib.cloud.images.fetching import Fetching
from chalicelib.cloud.images.model import ROOT_DEVICE, ImageFile
from chalicelib.cloud.storage.errors import ERRORS as S3_ERRORS
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.aws_errors import NO_IMAGE
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, TENANT_TAG, tags_for, tags_of
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, Seen, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from chalicelib.platform.provisioning.store import EXTERNAL_ID

_IMAGES = {"pending": Seen.BECOMING, "transient": Seen.BECOMING, "available": Seen.READY}
_BROKEN_IMAGE = "EC2 could not make an image of the file: upload the file again"
_UNTAGGED = "EC2 does not show the tags of its snapshot yet"
_NOT_IMPORTED = (
    "EC2 could not import the file: it has to be a whole {} disk, VMDK with the subformat streamOptimized. Upload "
    "another one"
)


class ImageDriver:
    """``client`` is botocore's of EC2, ``files`` that of S3; ``stage`` is the value of the tag of this installation."""

    def __init__(self, client: Any, files: Any, fetching: Fetching, stage: str) -> None:
        self._client = client
        self._files = files
        self._fetching = fetching
        self._stage = stage
        self._parts = ImageParts(client, stage)

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """Some calls for all (`ImageParts.of`), none for images without a file that shall stay."""
        wanted = [each.id for each in resources if _may_have_parts(each)]
        parts = self._parts.of(wanted) if wanted else {}
        return {each.id: _observed(each, parts.get(each.id, Parts())) for each in resources}

    def create(self, resource: Resource) -> Mapping[str, str]:
        """Nothing: there is nothing at EC2 without a file."""
        del resource
        return {}

    def change(self, resource: Resource, observation: Observation) -> None:
        """Have the file fetched, then imported, then an image registered of what came of it. Imports of files before
        are ended."""
        file = rules.image_spec(resource).file
        if file is None:
            return
        parts = self._parts.of([resource.id])[resource.id]
        self._remove(resource, parts, kept=file.id)
        step = observation.facts.get(rules.STEP)
        if step == rules.FILED:
            if file.source is not None:
                bucket, key = self._where(resource, file)
                self._fetching.go_on(bucket, key, file, resource.hidden or "", file.source.mark)
            self._import(resource, file)
        elif step == rules.IMPORTED:
            snapshot = parts.snapshot_of(file.id)
            if snapshot is not None:
                self._register(resource, file, snapshot)

    def delete(self, resource: Resource) -> None:
        """An import whose answer was lost may not be shown yet: asked for again by its token, EC2 names it."""
        parts = self._parts.of([resource.id])[resource.id]
        file = rules.image_spec(resource).file
        self._remove(resource, parts)
        if file is not None and resource.begun_generation and not parts.are_left and not parts.import_of(file.id):
            self._end_hidden(resource, file)
        self._remove_files(resource)

    def tagged(self) -> Iterable[Tagged]:
        """Images, imports that are under way, and snapshots of which no image was registered."""
        used: set[str] = set()
        for image in self._parts.all_images():
            used |= {str(disk["Ebs"]["SnapshotId"]) for disk in image.get("BlockDeviceMappings", ()) if "Ebs" in disk}
            yield _tagged(image, "ImageId")
        for task in Parts(imports=list(self._parts.imports())).active:
            yield _tagged(task, "ImportTaskId")
        for snapshot in self._parts.all_snapshots():
            if str(snapshot["SnapshotId"]) not in used:
                yield _tagged(snapshot, "SnapshotId", hourly("snapshot", snapshot["VolumeSize"]))
        for task, snapshot in self._parts.untagged_snapshots():
            named = {**task, "SnapshotId": snapshot["SnapshotId"]}
            yield _tagged(named, "SnapshotId", hourly("snapshot", snapshot["VolumeSize"]))

    def _end_hidden(self, resource: Resource, file: ImageFile) -> None:
        """Raises `AgainLaterError` if there is an import that is not shown yet."""
        try:
            task = self._import(resource, file)
        except RefusedError:  # its file is gone: nothing was begun, or nothing is left
            return
        self._remove(resource, Parts(imports=[task]))
        raise AgainLaterError("EC2 does not show its import yet")

    def _import(self, resource: Resource, file: ImageFile) -> Json:
        spec = rules.image_spec(resource)
        bucket, key = self._where(resource, file)
        source = {"S3Bucket": bucket, "S3Key": key}
        with ERRORS.sorted():
            task: Json = self._client.import_snapshot(
                ClientToken=f"{resource.id}-{file.id}",
                DiskContainer={"Format": file.format.upper(), "UserBucket": source},
                Encrypted=True,
                RoleName=spec.import_role,
                TagSpecifications=[{"ResourceType": "import-snapshot-task", "Tags": self._tags(resource, file.id)}],
            )
        return task

    def _register(self, resource: Resource, file: ImageFile, snapshot: Json) -> None:
        """The snapshot gets its tags first: EC2 makes it without. Raises `AgainLaterError` until EC2 shows them, since
        rights are bound to them."""
        if FILE_TAG not in tags_of(snapshot):
            self._tag(resource, file.id, str(snapshot["SnapshotId"]))
            raise AgainLaterError(_UNTAGGED)
        disk = {"SnapshotId": str(snapshot["SnapshotId"]), "DeleteOnTermination": True, "VolumeType": "gp3"}
        with ERRORS.sorted(), _unless({TAKEN}):
            self._client.register_image(
                Name=f"{self._stage}-{resource.id}-{file.id}",
                Architecture="x86_64",
                VirtualizationType="hvm",
                EnaSupport=True,
                RootDeviceName=ROOT_DEVICE,
                BlockDeviceMappings=[{"DeviceName": ROOT_DEVICE, "Ebs": disk}],
                TagSpecifications=[{"ResourceType": "image", "Tags": self._tags(resource, file.id)}],
            )

    def _remove(self, resource: Resource, parts: Parts, kept: str = "") -> None:
        """Remove all parts but those of one file. Raises `AgainLaterError` after it has given a snapshot the tags to
        which the right to delete it is bound."""
        is_untagged = False
        for image in parts.images:
            if tags_of(image).get(FILE_TAG) != kept:
                with ERRORS.sorted(), _unless(NO_IMAGE):
                    self._client.deregister_image(ImageId=image["ImageId"])
        for task in parts.active:
            if tags_of(task).get(FILE_TAG) != kept and status_of(task) != "deleting":
                with ERRORS.sorted(), _unless(OVER):
                    self._client.cancel_import_task(ImportTaskId=task["ImportTaskId"])
        for file_id, snapshot in parts.every_snapshot():
            if file_id == kept:
                continue
            if FILE_TAG not in tags_of(snapshot):
                self._tag(resource, file_id, str(snapshot["SnapshotId"]))
                is_untagged = True
                continue
            with ERRORS.sorted(), _unless({NO_SNAPSHOT}):
                self._client.delete_snapshot(SnapshotId=snapshot["SnapshotId"])
        if is_untagged:
            raise AgainLaterError(_UNTAGGED)

    def _remove_files(self, resource: Resource) -> None:
        """All that it ever had: files whose place another one has taken, what was fetched of one, and those that links
        have brought since, of which no row tells."""
        bucket, begins = rules.image_spec(resource).bucket, rules.key_of(resource.tenant, resource.id, "")
        self._fetching.end(bucket, begins)
        with S3_ERRORS.sorted():
            listed = self._files.list_objects_v2(Bucket=bucket, Prefix=begins)
            named = [{"Key": each["Key"]} for each in listed.get("Contents", ())]
            done = self._files.delete_objects(Bucket=bucket, Delete={"Objects": named}) if named else {}
        if done.get("Errors") or listed.get("IsTruncated"):
            raise AgainLaterError("S3 does not delete its files yet")

    def _where(self, resource: Resource, file: ImageFile) -> tuple[str, str]:
        """The bucket and the key of a file."""
        return rules.image_spec(resource).bucket, rules.key_of(resource.tenant, resource.id, file.id)

    def _tag(self, resource: Resource, file_id: str, snapshot_id: str) -> None:
        with ERRORS.sorted(), _unless({NO_SNAPSHOT}):
            self._client.create_tags(Resources=[snapshot_id], Tags=self._tags(resource, file_id))

    def _tags(self, resource: Resource, file_id: str) -> list[dict[str, str]]:
        return [*tags_for(self._stage, resource.tenant, resource.id), {"Key": FILE_TAG, "Value": file_id}]


@contextmanager
def _unless(codes: Iterable[str]) -> Iterator[None]:
    """Passes over refusals with these codes: it is as it shall be."""
    try:
        with calling():
            yield
    except CallRefusedError as error:
        if error.code not in codes:
            raise


def _may_have_parts(resource: Resource) -> bool:
    return resource.desired is Desired.ABSENT or rules.image_spec(resource).file is not None


def _observed(resource: Resource, parts: Parts) -> Observation:
    if resource.desired is Desired.ABSENT:
        return Observation(Seen.READY if parts.are_left else Seen.ENDED)
    file = rules.image_spec(resource).file
    if file is None:
        return Observation(Seen.READY)
    snapshot = parts.snapshot_of(file.id)
    if (image := parts.image_of(file.id)) is not None:
        return _of_image(image, snapshot)
    if snapshot is not None:
        return _of_snapshot(snapshot, file)
    return _of_import(parts.import_of(file.id), file)


def _of_image(image: Json, snapshot: Json | None) -> Observation:
    seen = _IMAGES.get(str(image["State"]), Seen.BROKEN)
    facts: dict[str, Any] = {rules.STEP: rules.REGISTERED}
    if snapshot is not None:
        facts |= _disk_of(snapshot)
    known = {EXTERNAL_ID: str(image["ImageId"])}
    return Observation(seen, known, facts, _BROKEN_IMAGE if seen is Seen.BROKEN else "")


def _disk_of(snapshot: Json) -> dict[str, Any]:
    return {rules.SNAPSHOT: str(snapshot["SnapshotId"]), rules.SIZE_GB: int(snapshot["VolumeSize"])}


def _of_snapshot(snapshot: Json, file: ImageFile) -> Observation:
    if snapshot["State"] == "error":
        return Observation(Seen.BROKEN, reason=_NOT_IMPORTED.format(file.format))
    if snapshot["State"] != "completed":
        return Observation(Seen.BECOMING)
    return Observation(Seen.READY, facts={rules.STEP: rules.IMPORTED, **_disk_of(snapshot)})


def _of_import(task: Json | None, file: ImageFile) -> Observation:
    if task is None:
        return Observation(Seen.READY, facts={rules.STEP: rules.FILED})
    match status_of(task):
        case "deleting" | "deleted":
            return Observation(Seen.BROKEN, reason=_NOT_IMPORTED.format(file.format))
        case "completed":  # its snapshot is not shown yet
            return Observation(Seen.BECOMING)
        case _:
            progress = task.get("SnapshotTaskDetail", {}).get("Progress", "0")
            return Observation(Seen.BECOMING, reason=f"EC2 imports its file ({progress} %)")


def _tagged(thing: Json, name: str, price: str = "") -> Tagged:
    tags = tags_of(thing)
    tenant, resource_id = tags.get(TENANT_TAG, ""), tags.get(RESOURCE_TAG, "")
    return Tagged(tenant=tenant, resource_id=resource_id, external_id=str(thing[name]), price_per_hour=price)
