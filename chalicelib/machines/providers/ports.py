"""The interface of a provider of machines, and what it is given to make one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from chalicelib.kit.crypto import Secret
from chalicelib.platform.provisioning.model import Observation, Resource, Tagged


class ProviderName(StrEnum):
    """The providers that there are."""

    EC2 = "ec2"
    LOCAL = "local"


@dataclass(frozen=True)
class Enrolment:
    """The enrolment of a new machine: at the API under ``server_url``, with a key for one use, as ``node_id``."""

    server_url: str
    key: Secret
    node_id: str


@dataclass(frozen=True)
class Launch:
    """A machine to make. ``machine`` is what its template names for the provider; ``enrolment`` is None for a machine
    that joins no cluster. ``subnet`` and ``security_groups`` are the provider's ids, where it is not in the
    installation's network; ``ssh_keys`` are public. A repeat for the same instance is given the same."""

    id: str
    tenant: str
    name: str
    zone: str
    machine: Mapping[str, Any]
    enrolment: Enrolment | None
    subnet: str = ""
    security_groups: tuple[str, ...] = ()
    ssh_keys: tuple[str, ...] = ()


class Provider(Protocol):
    """Makes machines and acts on them. As for `platform.provisioning.ports.Driver`, whose errors it raises, each method
    may be repeated, also at the same time.

    Each machine carries the ids of its tenant and its instance. ``external`` has its own id as ``id``.
    """

    def look(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """The machines of these instances, at most 100, by the instance's id. An instance that is not in the answer has
        none that can be seen."""
        ...

    def launch(self, launch: Launch) -> Mapping[str, str]:
        """Begin to make a machine; returns the ids for ``external``."""
        ...

    def start(self, resource: Resource) -> None:
        """Begin to start the machine."""
        ...

    def stop(self, resource: Resource) -> None:
        """Begin to shut the machine down, as its operating system does it, or let it keep its memory where the row
        says that it is paused."""
        ...

    def resize(self, resource: Resource) -> None:
        """Give a machine that is off the type that the row wants."""
        ...

    def regroup(self, resource: Resource, groups: Sequence[str]) -> None:
        """Give a machine, on or off, these security groups in place of those that it has, by their ids at the
        provider."""
        ...

    def reset(self, resource: Resource) -> None:
        """Begin to start the running machine anew, for the resource's generation. Raises `UnsureError` where that may
        have been done and would be done once more."""
        ...

    def terminate(self, resource: Resource) -> None:
        """Begin to remove the machine and its disk. Nothing to remove is a success."""
        ...

    def tagged(self) -> Iterable[Tagged]:
        """Every machine that carries our mark and may cost money."""
        ...

    def console(self, resource: Resource) -> str | None:
        """The end of what the machine wrote to its console; None if there is none yet."""
        ...
