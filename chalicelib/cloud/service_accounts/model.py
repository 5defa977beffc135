"""The models of service accounts."""

from dataclasses import dataclass

from pydantic import BaseModel, Field

from chalicelib.kit.crypto import Secret
from chalicelib.platform.identity.model import Member


class AccountSecret(BaseModel, frozen=True):
    """A secret of an account, as its HMAC under the account's hash key. Times are seconds text."""

    id: str
    hash: str = Field(repr=False)
    inserted_at: str


class ServiceAccount(BaseModel, frozen=True):
    """An account of a program in a tenant. It may do what its ``role`` and the ``policies`` that are attached to it
    allow, while it is ``enabled``. Secrets and tokens are hashed under ``hash_key_sealed``, a key of this row alone.
    Times are seconds text."""

    id: str
    tenant: str
    name: str
    description: str = ""
    role: str
    enabled: bool = True
    policies: tuple[str, ...] = ()
    secrets: tuple[AccountSecret, ...] = ()
    inserted_at: str
    updated_at: str
    version: int = 0
    hash_key_sealed: bytes = Field(repr=False)

    def as_member(self) -> Member:
        """The account in the form of a member, for the rights that follow from its role and policies."""
        return Member(
            tenant=self.tenant, user_id=self.id, role=self.role, policies=self.policies, inserted_at=self.inserted_at
        )


@dataclass(frozen=True)
class ShownAccount:
    """An account with a secret, which is shown this once."""

    account: ServiceAccount
    secret: Secret


@dataclass(frozen=True)
class IssuedToken:
    """A token for an account, good for so many seconds."""

    text: Secret
    seconds: int


class Claims(BaseModel, frozen=True):
    """The claims of a token. ``sid`` is the id of the secret that it was issued for. Times are epoch seconds."""

    iss: str
    sub: str
    jti: str
    iat: int
    exp: int
    sa_id: str
    tenant_id: str
    role: str
    sid: str
