"""`LaunchVolumes`: the volumes that a new instance gets, changed in the transaction that makes it."""

from collections.abc import Callable, Iterator

from chalicelib.cloud.compute import disk_rules as rules
from chalicelib.cloud.compute.disk_model import Attachment
from chalicelib.cloud.compute.model import Launch, LaunchTarget
from chalicelib.kit.errors import invalid
from chalicelib.platform.provisioning.model import Beside, Resource


class LaunchVolumes:
    """``find`` finds a volume of a tenant by its id or name."""

    def __init__(self, find: Callable[[str, str], Resource]) -> None:
        self._find = find

    def attached(self, tenant: str, target: LaunchTarget, wanted: Launch) -> tuple[Beside, ...]:
        """The changes that attach the volumes of a launch, as the first devices in their order. Raises `EdgeError`
        (validation failed) for a path that is not absolute and a volume that is named twice, (not found), (conflict)
        for one that is not available or is in another zone."""
        for number, each in enumerate(wanted.volumes):
            rules.check_mount_path(each.mount_path, f"volumes.{number}.mount_path")
        return tuple(self._attached(tenant, target, wanted))

    def _attached(self, tenant: str, target: LaunchTarget, wanted: Launch) -> Iterator[Beside]:
        before: set[str] = set()
        for number, each in enumerate(wanted.volumes):
            volume = self._find(tenant, each.volume)
            if volume.id in before:
                raise invalid(f"volumes.{number}.volume_id", f"{each.volume[:64]!r} is a volume that is named before")
            _check(volume, target)
            device = rules.free_device(rules.DEVICES[:number])
            before.add(volume.id)
            at = Attachment(instance_id=target.instance_id, device=device, mount_path=each.mount_path)
            yield Beside(volume, rules.attached(volume, at))


def _check(volume: Resource, target: LaunchTarget) -> None:
    rules.check_available(volume)
    rules.check_reach(volume, target.provider, target.zone)
