"""`InVpcs`: the things of one kind that are in the VPCs of a tenant."""

from chalicelib.cloud.named import Named, ResourcesOf
from chalicelib.cloud.network.vpcs import Vpcs
from chalicelib.kit.ids import is_id
from chalicelib.kit.listing import ListPage
from chalicelib.platform.provisioning.model import Resource


class InVpcs(Named):
    """Each is in one VPC, which its specification names. ``names`` begins the scope of the claims of their names, which
    are unique in a VPC; "": they have none."""

    def __init__(self, resources: ResourcesOf, kind: str, vpcs: Vpcs, names: str = "") -> None:
        super().__init__(resources, kind)
        self._vpcs = vpcs
        self._names = names

    def page(self, tenant: str, size: int, after: str = "", vpc: str = "") -> ListPage[Resource]:
        """Those of a VPC, by its id or name, or of all (`Named.page`). Raises `EdgeError` (not found)."""
        if not vpc:
            return super().page(tenant, size, after)
        vpc_id = self._vpcs.get(tenant, vpc).id
        return self._page(tenant, size, after, lambda each: each.spec["vpc_id"] == vpc_id)

    def find(self, tenant: str, wanted: str, vpc_id: str) -> Resource:
        """The one of that name in a VPC, or as `get` finds it. Raises `EdgeError` (not found, validation failed)."""
        claim = f"{self._names_of(vpc_id)}/{wanted}"
        return self.get(tenant, (None if is_id(wanted) else self._resources(tenant).holder_of(claim)) or wanted)

    def _names_of(self, vpc_id: str) -> str:
        """The scope of the claims of names in a VPC."""
        return f"{self._names}:{vpc_id}"
