"""What the engine relies on of volumes and snapshots: the same on the strict EC2 and on the emulator's."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from chalicelib.cloud.compute.disk_model import SNAPSHOT, VOLUME, Attachment, SnapshotSpec, VolumeSpec
from chalicelib.cloud.compute.disk_rules import MATCHES
from chalicelib.cloud.compute.snapshot_driver import SnapshotDriver
from chalicelib.cloud.compute.volume_driver import VolumeDriver
from chalicelib.machines.providers.ports import Launch
from chalicelib.platform.provisioning.model import Observation, Resource, Seen
from chalicelib.platform.provisioning.ports import ProviderError, RefusedError
from tests.stores.machines.providers.offers import emulated, strict
from tests.support.fakes.ec2 import STAGE
from tests.support.machines import EC2_MACHINE, INSTANCE_ID, instance

VOLUME_ID, SNAPSHOT_ID = "019ac1e5-7d00-7000-8000-000000000011", "019ac1e5-7d00-7000-8000-000000000021"
MADE = "2026-11-21T10:00:00Z"


@dataclass
class Disks:
    """The drivers on one provider, with the rows that they find."""

    machines: object
    volumes: VolumeDriver
    snapshots: SnapshotDriver
    rows: dict[str, Resource] = field(default_factory=dict)
    until: Callable[[Callable[[], bool]], None] = lambda _: None

    def volume(self, volume_id: str = VOLUME_ID, **spec: object) -> Resource:
        wanted = VolumeSpec.model_validate({"size_gb": 1, "zone": "eu-central-1a", **spec})
        return self.row(VOLUME, volume_id, wanted.model_dump(mode="json"))

    def snapshot(self) -> Resource:
        spec = SnapshotSpec(volume_id=VOLUME_ID, volume_name="data", size_gb=1, zone="eu-central-1a")
        return self.row(SNAPSHOT, SNAPSHOT_ID, spec.model_dump(mode="json"))

    def row(self, kind: str, resource_id: str, spec: dict[str, object]) -> Resource:
        external = self.rows[resource_id].external if resource_id in self.rows else {}
        row = Resource(
            id=resource_id, tenant="tenant-1", kind=kind, name="data", spec=spec, inserted_at=MADE, updated_at=MADE
        ).model_copy(update={"external": external})
        self.rows[resource_id] = row
        return row

    def made(self, row: Resource) -> Resource:
        """The row once its thing is there."""
        driver = self.volumes if row.kind == VOLUME else self.snapshots
        made = row.model_copy(update={"external": {**driver.create(row)}})
        self.rows[row.id] = made
        self.until(lambda: self.look(made).seen is Seen.READY)
        return made

    def look(self, row: Resource) -> Observation:
        driver = self.volumes if row.kind == VOLUME else self.snapshots
        return driver.observe([row])[row.id]

    def machine(self) -> Resource:
        """An instance whose machine runs."""
        launch = Launch(INSTANCE_ID, "tenant-1", "brisk-otter", "eu-central-1a", EC2_MACHINE, None)
        row = instance(external=self.machines.launch(launch))
        self.rows[row.id] = row
        self.until(lambda: self.machines.look([row])[row.id].seen is Seen.READY if self.machines.look([row]) else False)
        return row


@pytest.fixture(params=["strict", "emulator"])
def disks(request):
    place = strict() if request.param == "strict" else emulated(request.getfixturevalue("emulator"))
    client, rows = place.provider._client, {}  # noqa: SLF001 - the provider's own client, for both drivers

    def find(_tenant, ids):
        return [rows[each] for each in ids if each in rows]

    drivers = VolumeDriver(client, STAGE, find), SnapshotDriver(client, STAGE, find)
    return Disks(place.provider, *drivers, rows, place.until)


def change_until(disks, row, is_so):
    """Change it as the engine does, until it is as its row wants it."""

    def step():
        seen = disks.look(row)
        if not seen.facts[MATCHES]:
            try:
                disks.volumes.change(row, seen)
            except RefusedError:
                raise
            except ProviderError:
                return False
        return is_so(disks.look(row))

    disks.until(step)


def test_new_volume_is_ready_and_found_by_its_row_alone(disks):
    made = disks.made(disks.volume())
    seen = disks.look(made.model_copy(update={"external": {}}))
    assert (seen.external, seen.facts[MATCHES]) == (made.external, True)


def test_volume_is_attached_as_its_row_says_and_detached_again(disks):
    machine = disks.machine()
    made = disks.made(disks.volume())
    at = Attachment(instance_id=machine.id, device="/dev/sdf", mount_path="/data")
    wanted = disks.volume(attachment=at)
    assert disks.look(wanted).facts[MATCHES] is False
    change_until(disks, wanted, lambda seen: seen.facts[MATCHES])
    assert disks.look(wanted).facts["attachments"] == [[machine.external["id"], "/dev/sdf", "attached"]]
    free = disks.volume()
    change_until(disks, free, lambda seen: seen.facts[MATCHES])
    assert (disks.look(free).facts["attachments"], free.external) == ([], made.external)


def test_deleted_volume_is_gone_and_a_repeat_is_a_success(disks):
    made = disks.made(disks.volume())
    disks.volumes.delete(made)
    disks.until(lambda: disks.look(made).seen in {Seen.MISSING, Seen.ENDED})
    disks.volumes.delete(made)
    assert not list(disks.volumes.tagged())


def test_deletion_of_nothing_is_a_success(disks):
    disks.volumes.delete(disks.volume())
    disks.snapshots.delete(disks.snapshot())


def test_disk_of_a_machine_is_not_told_as_a_volume(disks):
    disks.machine()
    made = disks.made(disks.volume())
    (told,) = disks.volumes.tagged()
    assert (told.tenant, told.resource_id, told.external_id) == ("tenant-1", made.id, made.external["id"])
    assert (told.zone, told.price_per_hour) == ("eu-central-1a", "0.0001 USD")


def test_snapshot_is_restored_as_another_volume(disks):
    disks.made(disks.volume())
    copy = disks.made(disks.snapshot())
    (told,) = disks.snapshots.tagged()
    assert (told.resource_id, told.external_id) == (copy.id, copy.external["id"])
    other = disks.made(disks.volume("019ac1e5-7d00-7000-8000-000000000012", snapshot_id=copy.id))
    assert other.external["id"] != disks.rows[VOLUME_ID].external["id"]
    disks.snapshots.delete(copy)
    disks.until(lambda: disks.look(copy).seen is Seen.MISSING)
    disks.snapshots.delete(copy)


def test_look_at_a_hundred_is_one_description(disks):
    if not hasattr(disks.machines._client, "calls"):  # noqa: SLF001 - the strict one counts
        pytest.skip("the emulator counts no calls")
    client = disks.machines._client  # noqa: SLF001
    rows = [disks.volume(f"019ac1e5-7d00-7000-8000-{number:012d}") for number in range(100)]
    client.calls.clear()
    assert {each.seen for each in disks.volumes.observe(rows).values()} == {Seen.MISSING}
    assert [operation for operation, _ in client.calls] == ["DescribeVolumes"]
