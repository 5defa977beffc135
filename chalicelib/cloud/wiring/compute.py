"""The parts of instances and their disks in the container of the cloud."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.cloud.wiring.ways_out import WaysOut

if TYPE_CHECKING:
    from chalicelib.cloud.compute.instances import CloudInstances
    from chalicelib.cloud.compute.launch_volumes import LaunchVolumes
    from chalicelib.cloud.compute.locations import Locations
    from chalicelib.cloud.compute.memberships import Memberships
    from chalicelib.cloud.compute.model import Granted, Launch, LaunchTarget, Location
    from chalicelib.cloud.compute.snapshot_driver import SnapshotDriver
    from chalicelib.cloud.compute.snapshots import Snapshots
    from chalicelib.cloud.compute.stats import InstanceStats
    from chalicelib.cloud.compute.volume_driver import VolumeDriver
    from chalicelib.cloud.compute.volumes import Volumes
    from chalicelib.cloud.images.driver import ImageDriver
    from chalicelib.cloud.images.service import Images
    from chalicelib.cloud.images.sources import Sources
    from chalicelib.cloud.ssh_keys.service import SshKeys
    from chalicelib.platform.access.principal import Principal
    from chalicelib.platform.provisioning.model import Beside, Resource


class ComputeParts(WaysOut):
    """Instances, volumes and snapshots of a tenant."""

    @cached_property
    def ssh_keys(self) -> SshKeys:
        from chalicelib.cloud.ssh_keys.service import SshKeys

        return SshKeys(self.platform.tables, self.platform.clock, self.platform.ids)

    @cached_property
    def instances(self) -> CloudInstances:
        from chalicelib.cloud.compute.instances import CloudInstances
        from chalicelib.machines.public import machines_of

        platform = self.platform
        return CloudInstances(
            platform.resources,
            machines_of(platform),
            self.ssh_keys,
            self.granted,
            self.locate,
            attach=self.attached_volumes,
            new_id=lambda: platform.ids.uuid7(platform.clock.now()),
            find_image=self.find_image,
        )

    def attached_volumes(self, tenant: str, target: LaunchTarget, wanted: Launch) -> tuple[Beside, ...]:
        """See `LaunchVolumes.attached`."""
        return self.launch_volumes.attached(tenant, target, wanted)

    @cached_property
    def launch_volumes(self) -> LaunchVolumes:
        from chalicelib.cloud.compute.launch_volumes import LaunchVolumes

        return LaunchVolumes(self.volumes.get)

    def find_image(self, tenant: str, wanted: str) -> Resource:
        """See `Images.get`."""
        return self.images.get(tenant, wanted)

    @cached_property
    def images(self) -> Images:
        from chalicelib.cloud.compute.images import NAMES
        from chalicelib.cloud.images.files import ImageFiles
        from chalicelib.cloud.images.model import Storehouse
        from chalicelib.cloud.images.service import Images
        from chalicelib.machines.public import ProviderName

        platform, settings = self.platform, self.platform.settings
        makes_images = ProviderName.EC2 in settings.machine_providers
        return Images(
            platform.resources,
            platform.all_resources,
            ImageFiles(platform.gateways.object_client),
            self._image_sources,
            Storehouse(settings.images_bucket if makes_images else "", settings.images_import_role),
            lambda tenant: self._limit_of(tenant, "storage_gb"),
            platform.quotas,
            platform.limits,
            NAMES,
            platform.clock,
        )

    @cached_property
    def image_driver(self) -> ImageDriver:
        from chalicelib.cloud.images.driver import ImageDriver
        from chalicelib.cloud.images.fetching import Fetching
        from chalicelib.cloud.storage.s3 import S3Objects
        from chalicelib.platform.provisioning.ec2_tags import stage_of

        gateways = self.platform.gateways
        stage = stage_of(self.platform.settings.table_prefix)
        fetching = Fetching(S3Objects(gateways.object_client), self._image_sources, self.platform.clock)
        return ImageDriver(gateways.machine_client, gateways.object_client, fetching, stage)

    @cached_property
    def _image_sources(self) -> Sources:
        from chalicelib.cloud.images.sources import READ_BYTES, Sources
        from chalicelib.kit.outbound import Outbound

        gateways = self.platform.gateways
        outbound = Outbound(gateways.resolver, gateways.exchange, answer_bytes=READ_BYTES)
        return Sources(outbound, self.platform.clock)

    def locate(self, by: Principal, wanted: Launch) -> Location | None:
        """See `Locations.locate`: only launches need networks, so these are not made for others."""
        return self.locations.locate(by, wanted)

    @cached_property
    def locations(self) -> Locations:
        from chalicelib.cloud.compute.locations import Locations

        return Locations(self.vpcs, self.subnets, self.security_groups)

    @cached_property
    def memberships(self) -> Memberships:
        from chalicelib.cloud.compute.memberships import Memberships

        return Memberships(self.instances, self.security_groups)

    def find_instance(self, tenant: str, wanted: str) -> Resource:
        return self.instances.get(tenant, wanted)

    @cached_property
    def instance_stats(self) -> InstanceStats:
        from chalicelib.cloud.compute.stats import InstanceStats
        from chalicelib.fleet.public import fleet_of

        return InstanceStats(self.instances, fleet_of(self.platform).host_facts)

    @cached_property
    def volumes(self) -> Volumes:
        from chalicelib.cloud.compute.volumes import Volumes

        return Volumes(self.platform.resources, self.instances, self.granted)

    @cached_property
    def snapshots(self) -> Snapshots:
        from chalicelib.cloud.compute.snapshots import Snapshots

        return Snapshots(self.platform.resources, self.volumes)

    @cached_property
    def volume_driver(self) -> VolumeDriver:
        from chalicelib.cloud.compute.volume_driver import VolumeDriver

        return VolumeDriver(*self._at_ec2)

    @cached_property
    def snapshot_driver(self) -> SnapshotDriver:
        from chalicelib.cloud.compute.snapshot_driver import SnapshotDriver

        return SnapshotDriver(*self._at_ec2)

    def granted(self, tenant: str) -> Granted:
        """The quotas and the clusters of a tenant, in one read."""
        from chalicelib.cloud.compute.model import Granted
        from chalicelib.cloud.tenancy.limits import granted_to
        from chalicelib.cloud.tenancy.rules import CLUSTERS
        from chalicelib.platform.identity.tenant_store import TenantStore, owned_by

        row = TenantStore(self.platform.tables).find(tenant)
        return Granted(granted_to(tenant, row), owned_by(row or {}, CLUSTERS))
