"""The models of registration and login."""

from dataclasses import dataclass, field

from pydantic import BaseModel, Field, SecretStr

from chalicelib.cloud.callers.model import Placed
from chalicelib.platform.access.model import ShownKey


@dataclass(frozen=True, kw_only=True)
class NewUser:
    """A user, as it asks to be registered. ``email`` is as it is stored."""

    email: str
    name: str
    password: SecretStr = field(repr=False)


class Pending(BaseModel, frozen=True):
    """The detail of a registration's token: what the user will be made of."""

    name: str
    password_hash: str = Field(repr=False)


@dataclass(frozen=True)
class LoggedIn:
    """A user who has logged in, with a new key that is shown this once."""

    placed: Placed
    shown: ShownKey
