"""The models of registration and login."""

from dataclasses import dataclass, field

from pydantic import BaseModel, SecretStr

from chalicelib.cloud.callers.model import Placed
from chalicelib.platform.access.model import ShownKey


@dataclass(frozen=True, kw_only=True)
class NewUser:
    """A user, as it asks to be registered. ``email`` is as it is stored."""

    email: str
    name: str
    password: SecretStr = field(repr=False)


class Pending(BaseModel, frozen=True):
    """The detail of a registration's token: the user will be made of it and of a password that its reader chooses."""

    name: str


@dataclass(frozen=True)
class LoggedIn:
    """A user who has logged in, with a new key that is shown this once."""

    placed: Placed
    shown: ShownKey
