"""Public SSH keys of a tenant."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import RootModel

from chalicelib.cloud.api.fields import TENANT_ID, TIME, USER_ID, Sent, Shown
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.permissions import SSH_KEY_CREATE, SSH_KEY_DELETE, SSH_KEY_READ
from chalicelib.cloud.ssh_keys.model import SshKey
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Path, Timestamp

routes = Endpoints(tag="SSH keys")

_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada"
_FINGERPRINT = "SHA256:zi6H0TvgEYFTDgTTYFCPRbcFXpkvUJ8tPcLYqjCpUeo"


class SshKeyPath(Path):
    key_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of an SSH key.", _ID)]


class SshKeyAdd(Sent):
    """A public key to add."""

    name: Annotated[str, MinLen(1), MaxLen(64), about("Name of the key, unique in its tenant.", "laptop")]
    public_key: Annotated[str, MinLen(1), MaxLen(16_384), about("One line in OpenSSH's form.", _KEY)]


class SshKeyOut(Shown):
    """A public SSH key of a tenant."""

    id: Annotated[str, about("UUID of the SSH key.", _ID, format="uuid")]
    user_id: Annotated[str | None, about("UUID of the user who added it; null for none.", USER_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that has the SSH key.", TENANT_ID)]
    name: Annotated[str, about("Name that the SSH key was given.", "laptop")]
    public_key: Annotated[str, about("The line as it was added.", _KEY)]
    fingerprint: Annotated[str, about("Fingerprint as `ssh-keygen -l` shows it.", _FINGERPRINT)]
    created_at: Annotated[Timestamp, about("Time at which the SSH key was added.", TIME)]


class SshKeySliceOut(Shown):
    """A slice of the SSH keys of the tenant, by name."""

    data: Annotated[tuple[SshKeyOut, ...], about("The SSH keys of the slice.")]
    total_count: Annotated[int, about("Number of all SSH keys of the tenant.", 3)]
    has_more: Annotated[bool, about("Whether there are SSH keys behind the slice.", False)]


class ListedOut(RootModel[tuple[SshKeyOut, ...] | SshKeySliceOut]):
    """The SSH keys of the tenant, by name, or a slice of them."""


def _show(key: SshKey, tenant: str) -> SshKeyOut:
    return SshKeyOut(
        id=key.id,
        user_id=key.user,
        tenant_id=tenant,
        name=key.name,
        public_key=key.public_key,
        fingerprint=key.fingerprint,
        created_at=key.inserted_at,
    )


KEYS = Kind(
    routes=routes,
    collection="/ssh-keys",
    path=SshKeyPath,
    one="an SSH key",
    many="SSH keys",
    name="ssh_key",
    names="ssh_keys",
    of=lambda services: services.ssh_keys,
    show=_show,
    shown=SshKeyOut,
    read=SSH_KEY_READ,
)
KEYS.creates(
    SshKeyAdd,
    lambda services, by, body: services.ssh_keys.add(by.tenant, body.name, body.public_key, by),
    """Adds a public key, a hundred at most. 400 for one in another form, or a weak one; 409 for a taken name.""",
    _show,
    permission=SSH_KEY_CREATE,
    verb="add",
    errors=(404, 409),
)
KEYS.lists_slices(
    """Lists the SSH keys of the tenant: all, or with `limit` or `offset` a slice with the number of all.""",
    lambda services, tenant: services.ssh_keys.all(tenant),
    SshKeySliceOut,
    ListedOut,
)
KEYS.gets("""Returns an SSH key by its id or name.""")
KEYS.deletes("""Deletes an SSH key. Machines that have it keep it.""", permission=SSH_KEY_DELETE)
