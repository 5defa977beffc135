"""The models of service accounts."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import RootModel

from chalicelib.cloud.api.fields import TENANT_ID, TIME, Sent, Shown
from chalicelib.kit.fields import about
from chalicelib.web.validation import Boolean, Path, Timestamp, Uuid

_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021cc"
_SECRET_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021dd"  # noqa: S105 - an id
_POLICY_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021bb"
_SECRET = f"sa_{'7f3a0c5be1d94e62' * 4}"


class AccountPath(Path):
    account_id: Annotated[Uuid, about("UUID of a service account.", _ID)]


class AccountPartsPath(Path):
    account_id: Annotated[Uuid, about("UUID of the service account that has them.", _ID)]


class AccountSecretPath(Path):
    account_id: Annotated[Uuid, about("UUID of the service account with the secret.", _ID)]
    secret_id: Annotated[Uuid, about("UUID of the secret to revoke.", _SECRET_ID)]


class AccountPolicyPath(Path):
    account_id: Annotated[Uuid, about("UUID of the service account to attach to.", _ID)]
    policy_id: Annotated[Uuid, about("UUID of the policy to attach to the account.", _POLICY_ID)]


class AccountCreate(Sent):
    """A service account, as it is asked for."""

    name: Annotated[str, MinLen(1), MaxLen(64), about("Name of the account, for people.", "deployer")]
    role: Annotated[str, MinLen(1), MaxLen(64), about("Name of the role that it gets.", "developer")]
    description: Annotated[str, MaxLen(255), about("Purpose of the account, for people.", "deploys")] = ""


class AccountChange(Sent):
    """Other values of a service account; those that are missing stay."""

    name: Annotated[str | None, MaxLen(64), about("New name of the account.", "deployer")] = None
    role: Annotated[str | None, MaxLen(64), about("New role of the account.", "viewer")] = None
    description: Annotated[str | None, MaxLen(255), about("New purpose of the account.", "deploys")] = None
    enabled: Annotated[Boolean | None, about("Whether it is accepted from now on.", False)] = None


class AccountOut(Shown):
    """A service account."""

    id: Annotated[str, about("UUID of the account, its `client_id`.", _ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that has the account.", TENANT_ID)]
    name: Annotated[str, about("Name that the account was given.", "deployer")]
    description: Annotated[str, about("Purpose that the account was given.", "deploys")]
    role: Annotated[str, about("Name of the role that it has.", "developer")]
    enabled: Annotated[bool, about("Whether its tokens are accepted.", True)]
    created_at: Annotated[Timestamp, about("Time at which the account was made.", TIME)]
    updated_at: Annotated[Timestamp, about("Time of the last change of the account.", TIME)]


class ShownAccountOut(AccountOut):
    """A new service account, with its secret."""

    secret: Annotated[str, about("Its `client_secret`, which is shown this once.", _SECRET)]


class AccountsOut(RootModel[tuple[AccountOut, ...]]):
    """The service accounts of the tenant, the oldest first."""


class AccountSecretOut(Shown):
    """A secret of a service account, without its text."""

    id: Annotated[str, about("UUID of the secret.", _SECRET_ID, format="uuid")]
    created_at: Annotated[Timestamp, about("Time at which the secret was made.", TIME)]


class AccountSecretsOut(RootModel[tuple[AccountSecretOut, ...]]):
    """The secrets of a service account."""


class RotatedOut(Shown):
    """The new secret of a service account."""

    secret: Annotated[str, about("The new `client_secret`, which is shown this once.", _SECRET)]
