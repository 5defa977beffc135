"""An instance: what its maker asked for, and the states that its owner sees."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

INSTANCE = "instance"
"""The name of the kind of resource."""

RESTART, RESET = "restart", "reset"
"""The acts of an instance (`Resource.act`): the operating system is rebooted hard; the reset button is pressed."""


class InstanceSpec(BaseModel, frozen=True):
    """An instance as it was asked for: `Resource.spec`. ``machine`` is what the template named for its ``provider``
    when the instance was made, so that a later change of the template changes no instance. ``cluster_name`` is the
    cluster that it enrols in; None: it does not enrol."""

    template_id: str
    zone: str
    provider: str
    cluster_name: str | None = None
    machine: Mapping[str, Any] = Field(default_factory=dict)


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
