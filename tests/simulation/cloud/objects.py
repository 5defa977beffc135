"""Objects of tenants: stored through the API, by links and in parts, and read, while others change them."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from chalicelib.cloud.storage.model import BUCKET
from chalicelib.platform.provisioning.model import Desired
from tests.simulation.cloud.buckets import DELETE, READ, WRITE, delete_bucket, in_bucket, s3
from tests.simulation.cloud.people import ask
from tests.simulation.cloud.registers import NOTHING, Registers
from tests.simulation.cloud.standing import Caller
from tests.simulation.cloud.things import things_of
from tests.simulation.scene import NothingThereError, RefusedError, Scene
from tests.simulation.together import beside

KEYS = ("2026/a.jpg", "b")


def _bucket_of(scene: Scene, tenant: str, name: str) -> str:
    """The id of the bucket of that name which nobody is deleting; "" for none."""
    rows = (row for row in things_of(scene, BUCKET) if (row.tenant, row.name) == (tenant, name))
    return next((row.id for row in rows if row.desired is Desired.PRESENT and not row.is_released), "")


@contextmanager
def _writing(scene: Scene, tenant: str, name: str, key: str, *values: bytes | None) -> Any:
    """Notes a write of one of these values; it is sure if the block ends, in the bucket in which it began."""
    bucket = _bucket_of(scene, tenant, name)
    written = scene.recall(Registers).begin((tenant, name, key), values, scene.world.clock.now())
    is_done = False
    try:
        yield bucket
        is_done = True
    finally:
        written.ended = scene.world.clock.now()
        if is_done and bucket == _bucket_of(scene, tenant, name):
            written.bucket = bucket


def _bytes(scene: Scene) -> bytes:
    return f"{scene.rng.getrandbits(64):x}".encode() * scene.rng.choice((0, 1, 3))


def put_object(scene: Scene) -> None:
    by, tenant, name = in_bucket(scene)
    key, content = scene.rng.choice(KEYS), _bytes(scene)
    with _writing(scene, tenant, name, key, content) as bucket:
        sent = {"needs": WRITE, "tenant": tenant, "body": content}
        made = ask(scene, by, "PUT", f"/storage/{name}/{key}", **sent).data
    if bucket and made.get("version_id") not in {None, "null"}:
        scene.recall(Registers).versions[bucket, key, made["version_id"]] = content


def delete_object(scene: Scene) -> None:
    by, tenant, name = in_bucket(scene)
    key = scene.rng.choice(KEYS)
    with _writing(scene, tenant, name, key, NOTHING):
        ask(scene, by, "DELETE", f"/storage/{name}/{key}", needs=DELETE, tenant=tenant)


def read_object(scene: Scene) -> None:
    """What is read is what was written."""
    by, tenant, name = in_bucket(scene)
    key = scene.rng.choice(KEYS)
    bucket, begun = _bucket_of(scene, tenant, name), scene.world.clock.now()
    found: bytes | None = NOTHING
    try:
        found = ask(scene, by, "GET", f"/storage/{name}/{key}", needs=READ, tenant=tenant).content
    except RefusedError as error:
        if "object_not_found" not in str(error).lower():
            raise
    if bucket and bucket == _bucket_of(scene, tenant, name):
        possible = scene.recall(Registers).possible((tenant, name, key), bucket, begun, scene.world.clock.now())
        with scene.holding("what_was_stored_is_read"):
            assert found in possible, f"{name}/{key} is {found!r}, and could be {possible}"


def read_version(scene: Scene) -> None:
    """Each version that was told is there as long as its bucket is."""
    told = scene.recall(Registers).versions
    buckets = {row.id: row for row in things_of(scene, BUCKET) if row.desired is Desired.PRESENT}
    there = [place for place in sorted(told) if place[0] in buckets]
    if not there:
        raise NothingThereError("versions")
    bucket, key, version = scene.rng.choice(there)
    row = buckets[bucket]
    by, _, _ = in_bucket(scene)
    path = f"/storage/{row.name}/{key}?versionId={version}"
    found = ask(scene, by, "GET", path, needs=READ, tenant=row.tenant).content
    with scene.holding("what_was_stored_is_read"):
        assert found == told[bucket, key, version], f"{path} is {found!r}"


def send_by_link(scene: Scene) -> None:
    by, tenant, name = in_bucket(scene)
    key, content = scene.rng.choice(KEYS), _bytes(scene)
    sent = {"needs": WRITE, "tenant": tenant, "json": {"method": "PUT"}}
    link = ask(scene, by, "POST", f"/storage/presign/{name}/{key}", **sent).data
    scene.wait(scene.rng.uniform(0, 30))
    with _writing(scene, tenant, name, key, content):
        _follow(scene, link["url"], content)


def _follow(scene: Scene, url: str, content: bytes) -> None:
    """Send bytes by a link, as a client of S3 does. Raises `RefusedError`."""
    try:
        status, _ = s3(scene).follow(url, content)
    except Exception as error:
        raise RefusedError(0, type(error).__name__) from error
    if status != 200:
        raise RefusedError(status, "by a link")


def send_in_parts(scene: Scene) -> None:
    """An upload of one part, which is sent, sometimes twice, and completed, sometimes by two at once, or ended."""
    by, tenant, name = in_bucket(scene)
    key, content = scene.rng.choice(KEYS), _bytes(scene) + b"part"
    begun = ask(scene, by, "POST", f"/storage/multipart/init/{name}/{key}", needs=WRITE, tenant=tenant).data
    path = f"/storage/multipart/upload/{begun['id']}/parts?part=1"
    ask(scene, by, "PUT", path, needs=WRITE, tenant=tenant, body=content)
    given = {"by": by, "tenant": tenant, "upload": begun, "content": content}
    acts = scene.rng.choice(((complete_upload,), (complete_upload, complete_upload), (complete_upload, abort_upload)))
    beside(scene, *acts, **given)


def complete_upload(scene: Scene, by: Caller, tenant: str, upload: dict[str, Any], content: bytes) -> None:
    with _writing(scene, tenant, upload["bucket"], upload["key"], content):
        ask(scene, by, "POST", f"/storage/multipart/complete/{upload['id']}", needs=WRITE, tenant=tenant)


def abort_upload(scene: Scene, by: Caller, tenant: str, upload: dict[str, Any], content: bytes) -> None:
    del content
    ask(scene, by, "DELETE", f"/storage/multipart/abort/{upload['id']}", needs=DELETE, tenant=tenant)


def objects_change_at_once(scene: Scene) -> None:
    acts: tuple[Callable[[Scene], None], ...] = (put_object, put_object, delete_object, delete_bucket, send_by_link)
    beside(scene, *scene.rng.sample(acts, 3), read_object, read_object)


OPERATIONS = (
    *(put_object, put_object, read_object, read_object, delete_object, read_version),
    *(send_by_link, send_in_parts, objects_change_at_once, objects_change_at_once),
)
