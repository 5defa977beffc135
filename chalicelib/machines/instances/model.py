"""An instance: what its maker asked for, and the states that its owner sees."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

INSTANCE = "instance"
"""The name of the kind of resource."""

RESTART, RESET = "restart", "reset"
"""The acts of an instance (`Resource.act`): the operating system is rebooted hard; the reset button is pressed."""

RUNS_AS = "runs_as"
"""The fact of an instance that was last seen to run (`Resource.observed`): the template that it runs as."""


class InstanceSpec(BaseModel, frozen=True):
    """An instance as it was asked for: `Resource.spec`. ``machine`` is what the template named for its ``provider``
    when the instance was made, so that a later change of the template changes no instance. ``cluster_name`` is the
    cluster that it enrols in; None: it does not enrol.

    The others are for families above, and only those that differ from their defaults are stored: ``waits_for_agent``,
    whether it is ready only once its agent has enrolled; ``subnet_id`` and ``security_group_ids``, resources of its
    tenant in whose network it is, in place of the installation's; ``group_generation``, the generation of its row that
    has changed its groups and nothing else; ``ssh_keys``, public keys that let in; ``is_paused``,
    whether it keeps its memory while it is off; ``notes``, which are for their makers alone.
    """

    template_id: str
    zone: str
    provider: str
    cluster_name: str | None = None
    machine: Mapping[str, Any] = Field(default_factory=dict)
    waits_for_agent: bool = True
    subnet_id: str = ""
    security_group_ids: tuple[str, ...] = ()
    group_generation: int = 0
    ssh_keys: tuple[str, ...] = ()
    is_paused: bool = False
    notes: Mapping[str, Any] = Field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """The specification as a resource has it."""
        own = {
            name
            for name in _OF_OTHERS
            if getattr(self, name) != InstanceSpec.model_fields[name].get_default(call_default_factory=True)
        }
        return self.model_dump(mode="json", exclude=_OF_OTHERS - own)


_OF_OTHERS = {
    *("waits_for_agent", "subnet_id", "security_group_ids", "group_generation"),
    *("ssh_keys", "is_paused", "notes"),
}
"""The fields of families above."""


class Status(StrEnum):
    """The status of an instance. Power operations are asynchronous: the status tells when they are done."""

    PROVISIONING = "PROVISIONING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RESTARTING = "RESTARTING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"
    FAILED = "FAILED"


class PowerOperation(StrEnum):
    """An operation on a machine that is there. `RESTART` is hard; `RESET` is the reset button."""

    START = "start"
    STOP = "stop"
    RESTART = RESTART
    RESET = RESET
