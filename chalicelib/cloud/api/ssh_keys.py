"""Public SSH keys of a tenant."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import RootModel

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import TENANT_ID, TIME, USER_ID, Sent, Shown
from chalicelib.cloud.permissions import SSH_KEY_CREATE, SSH_KEY_DELETE, SSH_KEY_READ
from chalicelib.cloud.ssh_keys.model import SshKey
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Path, Timestamp

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


class SshKeysOut(RootModel[tuple[SshKeyOut, ...]]):
    """The SSH keys of the tenant, by name."""


@routes.post(
    "/ssh-keys",
    auth=USER,
    permission=SSH_KEY_CREATE,
    scope=Scope.TENANT,
    audit="tenant.add_ssh_key",
    answer=SshKeyOut,
    status=201,
    errors=(409,),
    summary="Add an SSH key",
)
def add_ssh_key(request: Request[NoPath, NoQuery, SshKeyAdd], services: Cloud) -> Created:
    """Adds a public key, a hundred at most. 400 for one in another form, or a weak one; 409 for a taken name."""
    body, by = request.body, request.principal
    return request.once(
        lambda: services.ssh_keys.add(by.tenant, body.name, body.public_key, by),
        lambda key: Created(_show(key, by.tenant)),
    )


@routes.get(
    "/ssh-keys", auth=USER, permission=SSH_KEY_READ, scope=Scope.TENANT, answer=SshKeysOut, summary="List SSH keys"
)
def list_ssh_keys(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> SshKeysOut:
    """Lists the SSH keys of the tenant."""
    tenant = request.principal.tenant
    return SshKeysOut(tuple(_show(key, tenant) for key in services.ssh_keys.all(tenant)))


@routes.get(
    "/ssh-keys/{key_id}",
    auth=USER,
    permission=SSH_KEY_READ,
    scope=Scope.TENANT,
    answer=SshKeyOut,
    errors=(404,),
    summary="Get an SSH key",
)
def get_ssh_key(request: Request[SshKeyPath, NoQuery, NoBody], services: Cloud) -> SshKeyOut:
    """Returns an SSH key by its id or name."""
    tenant = request.principal.tenant
    return _show(services.ssh_keys.get(tenant, request.path.key_id), tenant)


@routes.delete(
    "/ssh-keys/{key_id}",
    auth=USER,
    permission=SSH_KEY_DELETE,
    scope=Scope.TENANT,
    audit="tenant.delete_ssh_key",
    status=204,
    errors=(404, 409),
    summary="Delete an SSH key",
)
def delete_ssh_key(request: Request[SshKeyPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Deletes an SSH key. Machines that have it keep it."""
    services.ssh_keys.delete(request.principal.tenant, request.path.key_id)
    return NoContent()


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
