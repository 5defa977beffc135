"""SSH user names on nodes, for operators."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, Field, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator import filters
from chalicelib.fleet.api.operator.ssh_public_keys import SshPublicKeyOut
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import SSH_READ, SSH_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.ssh.model import (
    KEYS_MAX,
    PASSWORD_MAX_LENGTH,
    PASSWORD_MIN_LENGTH,
    SORTABLE_USERNAMES,
    USERNAME_MAX_LENGTH,
    USERNAME_MIN_LENGTH,
    USERNAME_PATTERN,
    NewKey,
    NewUsername,
    SshUsername,
)
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.crypto import Secret
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import (
    BoolFilter,
    ListQuery,
    OrderBy,
    TextFilter,
    UuidFilter,
    matching,
    ordering,
    whether,
)
from chalicelib.web.listed_filters import TextsFilter, UuidsFilter, any_of
from chalicelib.web.validation import Body, CountedFirst, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Ssh.SshUsername", auth=OPERATOR, scope=Scope.REACH)

Username = Annotated[
    str, MinLen(USERNAME_MIN_LENGTH), MaxLen(USERNAME_MAX_LENGTH), StringConstraints(pattern=USERNAME_PATTERN)
]
Password = Annotated[str, MinLen(PASSWORD_MIN_LENGTH), MaxLen(PASSWORD_MAX_LENGTH)]


class UsernamePath(Path):
    ssh_username_id: Annotated[Uuid, about("UUID of the SSH user name.", samples.USERNAME_ID)]


class OwnerPath(Path):
    node_id: Annotated[Uuid, about("UUID of the node that people log in to.", samples.NODE_ID)]


class NewPublicKey(Body):
    """A public key of a new user name. An invalid key is refused with 422, with its index in the list."""

    key_name: Annotated[str, fields.SSH_KEY_NAME]
    public_key: Annotated[str, fields.SSH_PUBLIC_KEY]


class SshUsernameCreate(Body):
    """A new SSH user name with its credentials, of which it may have none."""

    username: Annotated[Username, about("Name to log in with, unique on the node.", samples.USERNAME)]
    password: Annotated[
        Password | None, about("Password to log in with; stored as a hash only. Null: none.", "not-a-real-password")
    ] = Field(default=None, repr=False)
    public_keys: Annotated[
        Annotated[tuple[NewPublicKey, ...], MaxLen(KEYS_MAX), CountedFirst()] | None,
        about("Public keys to log in with; null: none."),
    ] = None

    def to_new(self) -> NewUsername:
        return NewUsername(
            username=self.username,
            password=None if self.password is None else Secret(self.password),
            public_keys=tuple(NewKey(key.key_name, key.public_key) for key in self.public_keys or ()),
        )


class SshUsernameListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE_USERNAMES)] = None
    username: Annotated[TextFilter, matching("the user name")] = None
    node_id: Annotated[UuidFilter, about("Only user names on the node with this UUID.")] = None
    has_password: Annotated[BoolFilter, whether("user names with a password", "user names without one")] = None
    username__in: Annotated[TextsFilter, any_of("`username`")] = None
    node_id__in: Annotated[UuidsFilter, any_of("`node_id`")] = None
    key_name: Annotated[TextFilter, matching("the label of one of the user's public keys")] = None
    key_name__in: Annotated[TextsFilter, any_of("`key_name` of their public keys")] = None
    cluster_name: Annotated[TextFilter, filters.CLUSTER_OF_NODE] = None
    cluster_name__in: Annotated[TextsFilter, any_of("`cluster_name`")] = None


class SshUsernameOut(BaseModel):
    """A name that people log in to one node with."""

    id: Annotated[str, about("UUID of the SSH user name.", samples.USERNAME_ID, format="uuid")]
    username: Annotated[str, about("Name to log in with.", samples.USERNAME)]
    has_password: Annotated[bool, about("Whether a password lets the user in.", True)]
    node_id: Annotated[str, fields.NODE]
    public_keys: Annotated[list[SshPublicKeyOut], about("The public keys of the user, oldest first.")]
    last_verified_at: Annotated[
        Timestamp | None, about("When the user last logged in, up to a minute late; null: never.", None)
    ]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]

    @classmethod
    def of(cls, username: SshUsername) -> "SshUsernameOut":
        return cls(
            id=username.id,
            username=username.username,
            has_password=username.has_password,
            node_id=username.node_id,
            public_keys=[SshPublicKeyOut.of(key) for key in username.public_keys],
            last_verified_at=username.last_verified_at,
            inserted_at=username.inserted_at,
            updated_at=username.updated_at,
        )


@routes.post(
    "/api/v1/nodes/{node_id}/ssh_usernames",
    permission=SSH_WRITE,
    audit="ssh_username.create",
    answer=SshUsernameOut,
    status=201,
    errors=(404, 409, 422),
    summary="Create an SSH user name on a node",
)
def create_ssh_username(request: Request[OwnerPath, NoQuery, SshUsernameCreate], services: Fleet) -> Created:
    """Creates a user name on a node together with all its credentials, or nothing at all. Refused with 409 if the node
    has the name already or a `key_name` occurs twice, with 422 for invalid public keys."""
    return request.once(
        lambda: services.ssh.usernames.create(
            request.path.node_id, request.body.to_new(), reach=reach_of(request.principal)
        ),
        lambda username: Created(SshUsernameOut.of(username), location=f"/api/v1/ssh_usernames/{username.id}"),
    )


@routes.get(
    "/api/v1/ssh_usernames",
    permission=SSH_READ,
    answer=SshUsernameOut,
    paginated=True,
    summary="List SSH user names",
)
def list_ssh_usernames(request: Request[NoPath, SshUsernameListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists the SSH user names of all nodes with their public keys, newest first unless ordered otherwise. Passwords
    are never shown."""
    page = services.ssh.usernames.list_page(
        request.query.to_request(SORTABLE_USERNAMES), reach=reach_of(request.principal)
    )
    return Paginated([SshUsernameOut.of(username) for username in page.items], page)


@routes.get(
    "/api/v1/ssh_usernames/{ssh_username_id}",
    permission=SSH_READ,
    answer=SshUsernameOut,
    errors=(404,),
    summary="Get an SSH user name",
)
def get_ssh_username(request: Request[UsernamePath, NoQuery, NoBody], services: Fleet) -> SshUsernameOut:
    """Returns one SSH user name with its public keys."""
    return SshUsernameOut.of(
        services.ssh.usernames.get(request.path.ssh_username_id, reach=reach_of(request.principal))
    )


@routes.delete(
    "/api/v1/ssh_usernames/{ssh_username_id}",
    permission=SSH_WRITE,
    audit="ssh_username.delete",
    status=204,
    errors=(404,),
    summary="Delete an SSH user name and its public keys",
)
def delete_ssh_username(request: Request[UsernamePath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes an SSH user name with its password and public keys: later logins are refused, and
    open sessions end within two minutes."""
    services.ssh.usernames.delete(request.path.ssh_username_id, reach=reach_of(request.principal))
    return NoContent()
