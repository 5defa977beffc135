"""`Vpcs`: the private networks of a tenant."""

from collections.abc import Callable

from chalicelib.cloud.named import Named, ResourcesOf
from chalicelib.cloud.names import check_name
from chalicelib.cloud.network import rules
from chalicelib.cloud.network.model import VPC, VpcSpec
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, NewResource, Resource

NAMES = "vpc-name"
"""The scope of the claims of names."""

QUOTA = "vpcs"


class Vpcs(Named):
    """``limit`` is how many a tenant may have; None for no limit."""

    def __init__(self, resources: ResourcesOf, limit: Callable[[str, str], int | None]) -> None:
        super().__init__(resources, VPC, NAMES)
        self._limit = limit

    def create(self, by: Principal, name: str, cidr_block: str) -> Resource:
        """Raises `EdgeError` (validation failed), (conflict) for a name that is taken, (quota exceeded)."""
        block = rules.check_cidr(cidr_block)
        new = NewResource(
            kind=VPC,
            name=check_name(name),
            owner=by.user,
            spec=VpcSpec(cidr_block=str(block)).model_dump(mode="json"),
            claims=(f"{NAMES}/{name}",),
            quota=QUOTA,
            limit=self._limit(by.tenant, QUOTA),
        )
        try:
            return self._resources(by.tenant).create(new, "vpc.created")
        except ClaimTakenError as error:
            raise rules.name_taken(name, "in the tenant") from error

    def rename(self, tenant: str, wanted: str, name: str) -> Resource:
        """Raises `EdgeError` (not found), (validation failed), (conflict) for a name that is taken."""
        check_name(name)
        vpc = self.get(tenant, wanted)

        def renamed(current: Resource) -> Changes | None:
            return None if current.name == name else Changes(name=name, claims=(f"{NAMES}/{name}",))

        try:
            return self._resources(tenant).change(VPC, vpc.id, renamed, "vpc.renamed")
        except ClaimTakenError as error:
            raise rules.name_taken(name, "in the tenant") from error
