"""The models of tenants, members, invitations and quotas."""

from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import RootModel, SecretStr

from chalicelib.cloud.api.fields import (
    EMAIL,
    INVITATION_ID,
    TENANT_ID,
    TIME,
    TOKEN,
    USER_ID,
    Email,
    RoleName,
    Sent,
    Shown,
)
from chalicelib.kit.fields import about
from chalicelib.web.validation import Int32, Path, Timestamp, Uuid

MOST = 1_000_000


class TenantPath(Path):
    tenant_id: Annotated[Uuid, about("UUID of the tenant of this collection.", TENANT_ID)]


class OneTenantPath(Path):
    tenant_id: Annotated[Uuid, about("UUID of a tenant of which the caller is a member.", TENANT_ID)]


class MemberPath(Path):
    tenant_id: Annotated[Uuid, about("UUID of the tenant of the member.", TENANT_ID)]
    user_id: Annotated[Uuid, about("UUID of a member's user.", USER_ID)]


class InvitationPath(Path):
    tenant_id: Annotated[Uuid, about("UUID of the tenant of the invitation.", TENANT_ID)]
    invitation_id: Annotated[Uuid, about("UUID of an open invitation.", INVITATION_ID)]


class TokenPath(Path):
    token: Annotated[SecretStr, MinLen(1), MaxLen(255), about("Token of the mail with the invitation.", TOKEN)]


class TenantCreate(Sent):
    """A tenant, as it is asked for."""

    name: Annotated[str, MinLen(1), MaxLen(255), about("Name of the tenant, for people.", "Analytical Engines")]
    slug: Annotated[str, MinLen(3), MaxLen(63), about("Its name in addresses: a to z, 0 to 9, -.", "engines")]


class MemberAdd(Sent):
    """A user who gets a place at once, by its address or its id."""

    email: Email | None = None
    user_id: Annotated[Uuid | None, about("UUID of the user to add, in place of `email`.", USER_ID)] = None
    role: RoleName


class RoleChange(Sent):
    """Another role of a member."""

    role: RoleName


class InvitationCreate(Sent):
    """An invitation, as it is asked for."""

    email: Email
    role: RoleName


class QuotasChange(Sent):
    """Quotas to set; those that are missing stay."""

    max_instances: Annotated[Int32 | None, Ge(0), Le(MOST), about("New limit: instances at a time.", 10)] = None
    max_vpcs: Annotated[Int32 | None, Ge(0), Le(MOST), about("New limit: VPCs at a time.", 2)] = None
    max_storage_gb: Annotated[Int32 | None, Ge(0), Le(MOST), about("New limit: GB of storage in all.", 50)] = None
    max_memory_gb: Annotated[Int32 | None, Ge(0), Le(MOST), about("New limit: GB of memory in all.", 16)] = None
    max_vcpus: Annotated[Int32 | None, Ge(0), Le(MOST), about("New limit: virtual processors in all.", 8)] = None
    max_buckets: Annotated[Int32 | None, Ge(0), Le(MOST), about("New limit: buckets at a time.", 10)] = None
    max_elastic_ips: Annotated[Int32 | None, Ge(0), Le(MOST), about("New limit: elastic IPs at a time.", 2)] = None


class TenantOut(Shown):
    """A tenant: an account in which users have places."""

    id: Annotated[str, about("UUID of the tenant.", TENANT_ID, format="uuid")]
    name: Annotated[str, about("Name that the tenant was given.", "Analytical Engines")]
    slug: Annotated[str | None, about("Its name in addresses; null for one without.", "engines")]
    owner_id: Annotated[
        str | None, about("UUID of the user who owns it; null while nobody does.", USER_ID, format="uuid")
    ]
    plan: Annotated[str, about("Always `free`.", "free")] = "free"
    status: Annotated[str, about("Always `active`: a deleted tenant is not shown.", "active")] = "active"
    created_at: Annotated[Timestamp, about("Time at which the tenant was made.", TIME)]
    updated_at: Annotated[Timestamp, about("Time of the last change of the tenant or its members.", TIME)]


class TenantsOut(RootModel[tuple[TenantOut, ...]]):
    """The tenants in which the caller has a place."""


class MemberOut(Shown):
    """A user's place in a tenant."""

    tenant_id: Annotated[str, about("UUID of the tenant of this place.", TENANT_ID, format="uuid")]
    user_id: Annotated[str, about("UUID of the user in this place.", USER_ID, format="uuid")]
    email: Annotated[str, about("Mail address of the member.", EMAIL)]
    name: Annotated[str, about("Name of the member.", "Ada Lovelace")]
    role: Annotated[str, about("Role of the member in this tenant.", "developer")]
    joined_at: Annotated[Timestamp, about("Time since which the user has the place.", TIME)]


class InvitationOut(Shown):
    """An open invitation."""

    id: Annotated[str, about("UUID of the invitation.", INVITATION_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that invites.", TENANT_ID, format="uuid")]
    email: Annotated[str, about("Mail address that is invited.", EMAIL)]
    role: Annotated[str, about("Role that the invitation offers.", "developer")]
    invited_by: Annotated[str, about("Actor who invites, as in logs.", "MASTER_KEY")]
    created_at: Annotated[Timestamp, about("Time of the invitation.", TIME)]
    expires_at: Annotated[Timestamp, about("Time until which it can be accepted.", "2026-11-28T10:00:02Z")]


class InvitationsOut(RootModel[tuple[InvitationOut, ...]]):
    """The open invitations of a tenant, the newest first."""


class QuotasOut(Shown):
    """The quotas of a tenant, and how much of them it uses. A new tenant's are zero until the operator grants them."""

    tenant_id: Annotated[str, about("UUID of the tenant with these quotas.", TENANT_ID, format="uuid")]
    max_instances: Annotated[int, about("Instances that it may have at a time.", 10)]
    max_vpcs: Annotated[int, about("VPCs that it may have at a time.", 2)]
    max_storage_gb: Annotated[int, about("GB of storage that it may have in all.", 50)]
    max_memory_gb: Annotated[int, about("GB of memory that it may have in all.", 16)]
    max_vcpus: Annotated[int, about("Virtual processors that it may have in all.", 8)]
    max_buckets: Annotated[int, about("Buckets that it may have at a time.", 10)]
    max_elastic_ips: Annotated[int, about("Elastic IPs that it may have at a time.", 2)]
    used_instances: Annotated[int, about("Instances in use now.", 3)]
    used_vpcs: Annotated[int, about("VPCs in use now.", 1)]
    used_storage_gb: Annotated[int, about("Sum of the sizes of its disks.", 24)]
    used_memory_gb: Annotated[int, about("Sum of the memory of its machines.", 4)]
    used_vcpus: Annotated[int, about("Sum of the processors of its machines.", 3)]
    used_buckets: Annotated[int, about("Buckets in use now.", 2)]
    used_elastic_ips: Annotated[int, about("Elastic IPs in use now.", 1)]
