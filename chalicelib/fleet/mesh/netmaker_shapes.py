"""The parts of Netmaker's answers that are used."""

from pydantic import BaseModel, Field, SecretStr


class FoundNetwork(BaseModel, frozen=True):
    """A network; ``ipv4_range`` is empty for one with IPv6 alone."""

    name: str = Field(validation_alias="netid")
    ipv4_range: str = Field("", validation_alias="addressrange")


class FoundNode(BaseModel, frozen=True):
    """A host's place in a network. ``address`` carries a prefix length. Static ones are devices without a host.
    ``checked_in_seconds``: when Netmaker last saw it, by Netmaker's clock."""

    host_id: str = Field(validation_alias="hostid")
    address: str = ""
    checked_in_seconds: int = Field(default=0, validation_alias="lastcheckin")
    is_leaving: bool = Field(default=False, validation_alias="pendingdelete")
    is_static: bool = False


class FoundName(BaseModel, frozen=True):
    """An entry of a network's DNS."""

    name: str
    address: str = ""


class FoundKey(BaseModel, frozen=True):
    """An enrollment key; ``token`` is what machines join with, ``value`` its secret inside of that, and its id."""

    value: SecretStr
    token: SecretStr
    tags: list[str] | None = None
    uses_remaining: int = 0


class Failure(BaseModel, frozen=True):
    """Netmaker's error answer; gateways in front of it use ``message``."""

    message: str = Field("", validation_alias="Message")
