"""Rows of slugs and invitations: keys and attribute names. Tenants and members are rows of `platform.identity`."""

from datetime import datetime

from chalicelib.cloud.gone import remove_chunk
from chalicelib.cloud.tenancy.model import Invitation
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.tables import Delete, Equals, Exists, Key, Put, Query, Table, Tables, put_new

SLUGS = Table("tenant_slugs", partition="slug")
"""A slug is a row of its own, so that no two tenants have the same."""

INVITATIONS = Table("invitations", partition="listing", sort="id", tenanted=True, expires_at="expires_epoch")

OWNED = Table("owned_clusters", partition="cluster_id")
"""The tenant that owns a cluster of the fleet."""

LISTING = "invitations"
"""The single partition of a tenant's invitations: people invite one by one, and a row goes a week after."""


class InvitationStore:
    """Invitations of one tenant, on its scoped `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def all(self, now: datetime) -> list[Invitation]:
        """Those that are open, the newest first, by a consistent read."""
        pages = self._tables.pages(Query(INVITATIONS, LISTING, descending=True, consistent=True))
        known = [Invitation.model_validate(row) for page in pages for row in page.items]
        return [each for each in known if each.expires_at > to_seconds_text(now)]

    def find(self, invitation_id: str) -> Invitation | None:
        row = self._tables.get(INVITATIONS, _key(invitation_id))
        return None if row is None else Invitation.model_validate(row)


def put_invitation(invitation: Invitation) -> Put:
    """A new invitation."""
    epoch = int(parse_time(invitation.expires_at).timestamp())
    return Put(INVITATIONS, {**invitation.model_dump(), "listing": LISTING, "expires_epoch": epoch})


def remove_invitation(invitation_id: str) -> Delete:
    """The invitation was accepted or withdrawn; fails if it is gone."""
    return Delete(INVITATIONS, _key(invitation_id), Exists("id"))


def remove_invitations_chunk(tables: Tables, cursor: str | None) -> str | None:
    """Remove the next invitations of a deleted tenant, on its view; returns the cursor of the next chunk if there are
    more."""
    return remove_chunk(tables, Query(INVITATIONS, LISTING, consistent=True), cursor)


def put_slug(slug: str, tenant_id: str) -> Put:
    """A slug of a tenant; fails if another has it."""
    return put_new(SLUGS, {"slug": slug, "tenant_id": tenant_id})


def free_slug(slug: str) -> Delete:
    """The slug is free again."""
    return Delete(SLUGS, {"slug": slug})


def own_cluster(cluster_id: str, tenant_id: str) -> Put:
    """The tenant owns the cluster; fails if another does."""
    return put_new(OWNED, {"cluster_id": cluster_id, "tenant_id": tenant_id})


def disown_cluster(cluster_id: str, tenant_id: str) -> Delete:
    """The tenant owns the cluster no more; fails if another does."""
    return Delete(OWNED, {"cluster_id": cluster_id}, Equals("tenant_id", tenant_id))


def _key(invitation_id: str) -> Key:
    return {"listing": LISTING, "id": invitation_id}
