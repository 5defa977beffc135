"""The model of a version of the agent, and of its files in the bucket."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from annotated_types import Ge
from pydantic import BaseModel, StringConstraints

PREFIX = "agent/"
"""Everything of the agent's lies below it; the functions may read nothing else of the bucket."""

CURRENT = f"{PREFIX}current.json"
"""The release that is handed out unless another version is asked for."""

Architecture = Literal["x86_64", "aarch64"]
"""As ``uname -m`` says them."""

ARCHITECTURES: tuple[str, ...] = get_args(Architecture)

VERSION_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$"
Version = Annotated[str, StringConstraints(pattern=VERSION_PATTERN)]
"""``0.2.0+b1a2b3c4d5``: a release and a mark of its content. No slash: it becomes part of a key."""


class Bundle(BaseModel, frozen=True):
    """One archive; ``size`` in bytes, ``pythons`` that it installs on, as ``3.11``."""

    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, Ge(1)]
    pythons: tuple[str, ...]


class Release(BaseModel, frozen=True):
    """A version and its archives by architecture."""

    version: Version
    bundles: Mapping[str, Bundle]


@dataclass(frozen=True)
class Offer:
    """An archive for a machine, with a short-lived link: any client with the link can read the archive."""

    version: str
    bundle: Bundle
    url: str = field(repr=False)
    expires_seconds: int


def key_of_release(version: str) -> str:
    return f"{PREFIX}versions/{version}.json"


def key_of_archive(sha256: str) -> str:
    """Archives are named by their content: the same one is stored once, and none is ever overwritten."""
    return f"{PREFIX}files/{sha256}.tar.gz"
