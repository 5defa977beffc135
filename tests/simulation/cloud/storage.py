"""Buckets and objects of tenants on a strict S3: each bucket has its row, and what was stored is read byte for byte."""

from chalicelib.cloud.storage.configuration import RESOURCE_TAG, TENANT_TAG, lifecycle
from chalicelib.cloud.storage.model import BUCKET
from chalicelib.cloud.storage.rules import physical_name, spec_of
from chalicelib.cloud.storage.upload_store import UPLOADS
from chalicelib.kit.tables import Item
from chalicelib.platform.identity.tenant_store import TENANTS
from chalicelib.platform.provisioning.model import Desired, Resource, State, Tagged
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from tests.simulation.cloud import buckets, objects, usage
from tests.simulation.cloud.buckets import s3
from tests.simulation.cloud.objects import KEYS
from tests.simulation.cloud.people import own_rows
from tests.simulation.cloud.registers import NOTHING, Registers
from tests.simulation.cloud.things import check_kinds, things_of
from tests.simulation.scene import Scene, Simulation

MAKING = ("CreateBucket", "PutBucketTagging", "PutBucketVersioning", "PutBucketLifecycleConfiguration")
LOOKING = ("GetBucketTagging", "GetBucketVersioning", "ListObjectVersions", "ListMultipartUploads")
ENDING = ("DeleteBucket", "DeleteObjects", "AbortMultipartUpload")
OBJECTS = ("PutObject", "GetObject", "HeadObject", "DeleteObject", "UploadPart", "CompleteMultipartUpload", "ListParts")
CODES = (("SlowDown", 503), ("InternalError", 500), ("OperationAborted", 409), ("ServiceUnavailable", 503))


def _rows(scene: Scene) -> list[Resource]:
    return [row for row in things_of(scene, BUCKET) if not row.is_released]


def _at_s3(scene: Scene, row: Resource) -> str:
    return physical_name(scene.world.platform.settings.table_prefix, row.tenant, row.id)


def buckets_and_rows_agree(scene: Scene) -> None:
    known = {row.external.get("id") for row in _rows(scene)}
    things = []
    for name, bucket in sorted(s3(scene).buckets.items()):
        tags = {each["Key"]: each["Value"] for each in bucket.tags.newest or ()}
        if name in known or name not in s3(scene).came_late | s3(scene).named:
            things.append(
                Tagged(tenant=tags.get(TENANT_TAG, ""), resource_id=tags.get(RESOURCE_TAG, ""), external_id=name)
            )
    check_kinds(scene, things, BUCKET)


def settings_at_s3_are_those_of_the_rows(scene: Scene) -> None:
    for row in _rows(scene):
        bucket, spec = s3(scene).buckets.get(_at_s3(scene, row)), spec_of(row)
        if row.state is State.READY and bucket is not None:
            is_versioned = bucket.versioning.newest == "Enabled"
            assert is_versioned is spec.versioning, f"{row.name} keeps versions: {is_versioned}"
            wanted = lifecycle(spec.rules)
            assert bucket.lifecycle == wanted, f"{row.name} has the rules {bucket.lifecycle}, not {wanted}"


def objects_are_those_that_were_stored(scene: Scene) -> None:
    now, registers = scene.world.clock.now(), scene.recall(Registers)
    for row in _rows(scene):
        bucket = s3(scene).buckets.get(_at_s3(scene, row))
        if bucket is not None and row.desired is Desired.PRESENT:
            for key in KEYS:
                newest = [*bucket.objects.of_key.get(key, ())][-1:]
                found = newest[0].content if newest else NOTHING
                possible = registers.possible((row.tenant, row.name, key), row.id, now, now)
                assert found in possible, f"{row.name}/{key} is {found!r} at rest, and could be {possible}"


def quotas_of_buckets_are_those_of_the_rows(scene: Scene) -> None:
    for tenant in sorted({row.tenant for row in things_of(scene, BUCKET)}):
        counted = [row for row in own_rows(scene, QUOTAS, tenant, "quota") if row["quota"] == "buckets"]
        used = sum(int(str(row["used"])) for row in counted)
        there = sum(row.tenant == tenant for row in _rows(scene))
        assert used == there, f"{used} buckets of {tenant} are counted, {there} are there"


def uploads_have_their_tenants(scene: Scene) -> None:
    """An upload that is open belongs to a tenant that is there."""
    gone = {str(row["id"]) for row in scene.rows(TENANTS) if "deleted_at" in row}
    left = [row["id"] for row in scene.rows(UPLOADS) if _tenant_of(row) in gone]
    assert not left, f"uploads of tenants that have ended: {left}"


def _tenant_of(row: Item) -> str:
    return str(row["listing"]).partition("|")[0]


# -- faults ----------------------------------------------------------------------------------------------------------


def _trouble(scene: Scene, operations: tuple[str, ...]) -> None:
    operation = scene.rng.choice(operations)
    if scene.rng.random() < 0.5:
        s3(scene).lose_answer(operation)
    else:
        code, status = scene.rng.choice(CODES)
        s3(scene).fail(operation, code, status, times=scene.rng.randint(1, 3))
    scene.mends.append(s3(scene).calm)


def s3_makes_no_buckets(scene: Scene) -> None:
    _trouble(scene, MAKING)


def s3_tells_nothing(scene: Scene) -> None:
    _trouble(scene, LOOKING)


def s3_deletes_nothing(scene: Scene) -> None:
    _trouble(scene, ENDING)


def s3_takes_no_objects(scene: Scene) -> None:
    _trouble(scene, OBJECTS)


SIMULATION = Simulation(
    operations=(*buckets.OPERATIONS, *objects.OPERATIONS, usage.bucket_is_measured),
    invariants=(
        buckets_and_rows_agree,
        settings_at_s3_are_those_of_the_rows,
        objects_are_those_that_were_stored,
        quotas_of_buckets_are_those_of_the_rows,
        uploads_have_their_tenants,
        usage.buckets_have_the_sizes_that_were_told,
    ),
    faults=(s3_makes_no_buckets, s3_tells_nothing, s3_deletes_nothing, s3_takes_no_objects),
)
