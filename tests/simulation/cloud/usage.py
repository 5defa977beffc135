"""What AWS alone counts: the sizes of buckets and the traffic of NAT gateways, told now and then, and measured."""

from datetime import datetime, timedelta

from chalicelib.cloud.network.names import NAT_GATEWAY
from chalicelib.cloud.storage.model import BUCKET
from chalicelib.cloud.storage.rules import physical_name, spec_of
from chalicelib.platform.provisioning.model import Desired
from tests.simulation.cloud.things import some_thing, things_of
from tests.simulation.scene import NothingThereError, Scene
from tests.support.accountant import Accountant

MB = 1024**2
SIZES = (1, 3 * MB, 3 * MB + 1, 900 * MB)
HOUR = timedelta(hours=1)
HOURS_AGO = (2, 3, 4)
"""Hours that are over, and are asked about for as long as a history lasts."""


class _Told:
    """The hours of gateways whose traffic was told, and the sizes of buckets by their names at S3."""

    def __init__(self) -> None:
        self.hours: set[tuple[str, datetime]] = set()
        self.sizes: dict[str, int] = {}
        self.workers: set[str] = set()


def bucket_is_measured(scene: Scene) -> None:
    """S3 tells what a bucket holds, and the function that asks for it runs."""
    bucket = some_thing(scene, BUCKET)
    name = physical_name(scene.world.platform.settings.table_prefix, bucket.tenant, bucket.id)
    size = scene.rng.choice(SIZES)
    scene.world.metric_client.tell("AWS/S3", "BucketSizeBytes", size, BucketName=name, StorageType="StandardStorage")
    scene.recall(_Told).sizes[name] = size
    _measure(scene, "measure_usage")


def traffic_flows(scene: Scene) -> None:
    """CloudWatch tells what went through a gateway in some hour, and the function that asks for it runs. The accountant
    hears of it too."""
    there = [each for each in things_of(scene, NAT_GATEWAY) if "id" in each.external]
    if not there:
        raise NothingThereError(NAT_GATEWAY)
    nat, hour = scene.rng.choice(there), scene.world.clock.now().replace(minute=0, second=0, microsecond=0)
    hour -= scene.rng.choice(HOURS_AGO) * HOUR
    if (nat.id, hour) in scene.recall(_Told).hours:
        raise NothingThereError("hours that were not told")
    scene.recall(_Told).hours.add((nat.id, hour))
    sizes = (scene.rng.choice(SIZES), scene.rng.choice(SIZES))
    for direction, size in zip(("BytesOutToDestination", "BytesInFromDestination"), sizes, strict=True):
        scene.world.metric_client.tell_at(hour, "AWS/NATGateway", direction, size, NatGatewayId=nat.external["id"])
    accountant, name = scene.recall(Accountant), f"traffic of {nat.id} at {hour}"
    accountant.write_down(nat.tenant, name, 0, hour, ("nat_traffic", "processed", -(-sum(sizes) // MB)))
    accountant.write_down(nat.tenant, name, 1, hour + HOUR, None)
    _measure(scene, "measure_traffic")


def _measure(scene: Scene, worker: str) -> None:
    """Now, and again at rest: nothing else runs it within a history."""

    scene.world.tick(worker)
    if worker not in scene.recall(_Told).workers:
        scene.recall(_Told).workers.add(worker)
        scene.mends.append(lambda: scene.world.tick(worker))


def buckets_have_the_sizes_that_were_told(scene: Scene) -> None:
    prefix, told = scene.world.platform.settings.table_prefix, scene.recall(_Told).sizes
    for row in things_of(scene, BUCKET):
        size = told.get(physical_name(prefix, row.tenant, row.id))
        if size is not None and row.desired is Desired.PRESENT:
            noted = spec_of(row).size_bytes
            assert noted == size, f"{row.name} has {noted} bytes noted, S3 told of {size}"
