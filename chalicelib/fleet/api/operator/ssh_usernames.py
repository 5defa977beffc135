"""User names under which people log in to nodes."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, Field, StringConstraints

from chalicelib.bootstrap import Services
from chalicelib.fleet.api.operator.ssh_public_keys import SshPublicKeyOut
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
from chalicelib.kit.crypto import Secret
from chalicelib.web.endpoint import OPERATOR, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import BoolFilter, ListQuery, TextFilter, UuidFilter
from chalicelib.web.validation import Body, CountedFirst, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Ssh.SshUsername")

Username = Annotated[
    str, MinLen(USERNAME_MIN_LENGTH), MaxLen(USERNAME_MAX_LENGTH), StringConstraints(pattern=USERNAME_PATTERN)
]
Password = Annotated[str, MinLen(PASSWORD_MIN_LENGTH), MaxLen(PASSWORD_MAX_LENGTH)]


class UsernamePath(Path):
    ssh_username_id: Uuid


class OwnerPath(Path):
    node_id: Uuid


class NewPublicKey(Body):
    """A key of a new user name. What is wrong with it is told with its place in the list (422)."""

    key_name: str
    public_key: str


class SshUsernameCreate(Body):
    """A user name, made with all its credentials or not at all. It may have none."""

    username: Username
    password: Password | None = Field(default=None, repr=False)
    public_keys: Annotated[tuple[NewPublicKey, ...], MaxLen(KEYS_MAX), CountedFirst()] | None = None

    def to_new(self) -> NewUsername:
        return NewUsername(
            username=self.username,
            password=None if self.password is None else Secret(self.password),
            public_keys=tuple(NewKey(key.key_name, key.public_key) for key in self.public_keys or ()),
        )


class SshUsernameListQuery(ListQuery):
    username: TextFilter = None
    node_id: UuidFilter = None
    has_password: BoolFilter = None
    cluster_name: TextFilter = None


class SshUsernameOut(BaseModel):
    """``last_verified_at`` is when somebody was last let in, up to a minute late; null for never."""

    id: str
    username: str
    has_password: bool
    node_id: str
    public_keys: list[SshPublicKeyOut]
    last_verified_at: Timestamp | None
    inserted_at: Timestamp
    updated_at: Timestamp

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
    auth=OPERATOR,
    answer=SshUsernameOut,
    status=201,
    errors=(404, 409, 422),
    summary="Create an SSH user name on a node",
)
def create_ssh_username(request: Request[OwnerPath, NoQuery, SshUsernameCreate], services: Services) -> Created:
    username = services.ssh_usernames.create(request.path.node_id, request.body.to_new())
    return Created(SshUsernameOut.of(username), location=f"/api/v1/ssh_usernames/{username.id}")


@routes.get(
    "/api/v1/ssh_usernames",
    auth=OPERATOR,
    answer=SshUsernameOut,
    paginated=True,
    summary="List SSH user names",
)
def list_ssh_usernames(request: Request[NoPath, SshUsernameListQuery, NoBody], services: Services) -> Paginated:
    page = services.ssh_usernames.list_page(request.query.to_request(SORTABLE_USERNAMES))
    return Paginated([SshUsernameOut.of(username) for username in page.items], page)


@routes.get(
    "/api/v1/ssh_usernames/{ssh_username_id}",
    auth=OPERATOR,
    answer=SshUsernameOut,
    errors=(404,),
    summary="Get an SSH user name",
)
def get_ssh_username(request: Request[UsernamePath, NoQuery, NoBody], services: Services) -> SshUsernameOut:
    return SshUsernameOut.of(services.ssh_usernames.get(request.path.ssh_username_id))


@routes.delete(
    "/api/v1/ssh_usernames/{ssh_username_id}",
    auth=OPERATOR,
    status=204,
    errors=(404,),
    summary="Delete an SSH user name and its public keys",
)
def delete_ssh_username(request: Request[UsernamePath, NoQuery, NoBody], services: Services) -> NoContent:
    services.ssh_usernames.delete(request.path.ssh_username_id)
    return NoContent()
