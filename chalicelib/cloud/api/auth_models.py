"""The models of registration, login and the caller's own user."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import SecretStr

from chalicelib.cloud.accounts.rules import LONGEST
from chalicelib.cloud.api.fields import (
    EMAIL,
    PASSWORD,
    TENANT_ID,
    TIME,
    TOKEN,
    USER_ID,
    Email,
    MailedToken,
    Password,
    Sent,
    Shown,
)
from chalicelib.cloud.callers.model import Placed
from chalicelib.kit.fields import about
from chalicelib.web.validation import Timestamp

_KEY = "thecloud_6b1f0e9a7c4401a1fd8d01f07c0eb2a8"


class UserRegistration(Sent):
    """A user, as it asks to be registered."""

    email: Email
    password: Password
    name: Annotated[str, MinLen(2), MaxLen(100), about("Name of the person.", "Ada Lovelace")]
    invitation_token: Annotated[
        SecretStr | None, MaxLen(255), about("Token of the mail that invites this address.", TOKEN)
    ] = None


class RegistrationProof(Sent):
    """The token that proves an address, with the password that its reader chooses."""

    token: MailedToken
    password: Password


class Credentials(Sent):
    """The address and the password of a user who logs in."""

    email: Email
    password: Password


class AddressSent(Sent):
    """The address of somebody who has forgotten the password."""

    email: Email


class PasswordReset(Sent):
    """A new password, with the token that was mailed."""

    token: MailedToken
    new_password: Annotated[
        SecretStr, MinLen(1), MaxLen(LONGEST), about("The new password, 8 to 72 characters.", PASSWORD)
    ]
    revoke_keys: Annotated[
        bool, about("Whether all keys of the user are revoked too, as after one was stolen.", False)
    ] = False


class UserOut(Shown):
    """A user, in the tenant that it works in."""

    id: Annotated[str, about("UUID of the user.", USER_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that this request works in.", TENANT_ID, format="uuid")]
    default_tenant_id: Annotated[
        str, about("UUID of the tenant that its requests work in where they name none.", TENANT_ID, format="uuid")
    ]
    email: Annotated[str, about("Mail address of the user, in lower case.", EMAIL)]
    name: Annotated[str, about("Name of the user, for people.", "Ada Lovelace")]
    role: Annotated[str, about("Role of the user in `tenant_id`.", "owner")]
    created_at: Annotated[Timestamp, about("Time at which the user registered.", TIME)]
    updated_at: Annotated[Timestamp, about("Time of the last change of the user.", TIME)]


class RegisteredOut(Shown):
    """The user that was registered for an invitation; without one only a message, and the rest is null."""

    id: Annotated[str | None, about("UUID of the new user.", USER_ID, format="uuid")] = None
    user_id: Annotated[str | None, about("The same as `id`.", USER_ID, format="uuid")] = None
    tenant_id: Annotated[str | None, about("UUID of the tenant that invited it.", TENANT_ID, format="uuid")] = None
    default_tenant_id: Annotated[str | None, about("The same as `tenant_id`.", TENANT_ID, format="uuid")] = None
    email: Annotated[str | None, about("Mail address of the new user.", EMAIL)] = None
    name: Annotated[str | None, about("Name of the new user.", "Ada Lovelace")] = None
    role: Annotated[str | None, about("Role that the invitation gives.", "developer")] = None
    created_at: Annotated[Timestamp | None, about("Time of the registration.", TIME)] = None
    updated_at: Annotated[Timestamp | None, about("The same as `created_at`.", TIME)] = None
    message: Annotated[str, about("What happens next, for people.", "registered")]


class LoginOut(Shown):
    """A user who has logged in, with a new key."""

    user: Annotated[UserOut, about("The user who has logged in.")]
    api_key: Annotated[str, about("A new key of the user, shown this once.", _KEY)]


def shown_user(placed: Placed) -> UserOut:
    """A user, with its role in the tenant that it works in."""
    user = placed.user
    return UserOut(
        id=user.id,
        tenant_id=placed.member.tenant,
        default_tenant_id=user.tenant,
        email=user.email,
        name=user.full_name,
        role=placed.member.role,
        created_at=user.inserted_at,
        updated_at=user.updated_at,
    )


def shown_registration(placed: Placed) -> RegisteredOut:
    """A new user as it is shown to the holder of an invitation."""
    fields = shown_user(placed).model_dump()
    return RegisteredOut(**fields, user_id=placed.user.id, message="registered")
