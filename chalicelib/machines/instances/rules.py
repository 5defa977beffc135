"""The status of an instance, which operation it allows, and what it is charged for. Pure."""

from dataclasses import dataclass

from chalicelib.kit.errors import EdgeError, conflict
from chalicelib.machines.instances.model import INSTANCE, RUNS_AS, InstanceSpec, PowerOperation, Status
from chalicelib.platform.provisioning.charging import is_there
from chalicelib.platform.provisioning.model import Charge, Desired, Power, Resource, State


@dataclass(frozen=True)
class Change:
    """The fields of the row that an operation sets: the power that it shall have, or the act that it shall perform."""

    power: Power | None = None
    act: str = ""


@dataclass(frozen=True)
class _Rule:
    """An operation: the status that allows it, the status while it is under way, and what it sets."""

    allowed_in: Status
    under_way: Status
    change: Change


_RULES = {
    PowerOperation.STOP: _Rule(Status.RUNNING, Status.STOPPING, Change(power=Power.OFF)),
    PowerOperation.START: _Rule(Status.STOPPED, Status.STARTING, Change(power=Power.ON)),
    PowerOperation.RESTART: _Rule(Status.RUNNING, Status.RESTARTING, Change(act=PowerOperation.RESTART.value)),
    PowerOperation.RESET: _Rule(Status.RUNNING, Status.RESTARTING, Change(act=PowerOperation.RESET.value)),
}


def status_of(resource: Resource) -> Status:
    """The status that the owner of an instance sees."""
    match resource.state:
        case State.FAILED:
            return Status.FAILED
        case State.GONE:
            return Status.TERMINATED
        case _ if resource.desired is Desired.ABSENT or resource.state is State.DELETING:
            return Status.TERMINATING
        case State.PENDING | State.CREATING:
            return Status.PROVISIONING
        case State.CHANGING if not is_regrouping(resource):
            return _changing(resource)
        case _:
            return Status.STOPPED if resource.power is Power.OFF else Status.RUNNING


def is_regrouping(resource: Resource) -> bool:
    """Whether nothing of it changes but its security groups: it stays on or off for that, and costs what it did."""
    return resource.state is State.CHANGING and resource.spec.get("group_generation") == resource.generation


def charge_of(resource: Resource) -> Charge | None:
    """The charge of an instance: its template, from when it runs until its provider is asked to stop or to remove it.
    Where that is refused, and where it has failed in another way, it costs what it was last seen to run as."""
    if status_of(resource) in {Status.RUNNING, Status.RESTARTING}:
        return Charge(INSTANCE, InstanceSpec.model_validate(resource.spec).template_id)
    runs_as = resource.observed.get(RUNS_AS)
    return Charge(INSTANCE, str(runs_as)) if runs_as and is_there(resource) and not _may_be_off(resource) else None


def _may_be_off(resource: Resource) -> bool:
    """Whether its provider was asked for a change that is not done, such as a stop, and has not refused. For one
    that has failed the last look counts, unless it was to be off."""
    is_begun = max(resource.asked_generation, resource.begun_generation) > resource.done_generation
    return is_begun and (resource.state is not State.FAILED or resource.power is Power.OFF)


def _changing(resource: Resource) -> Status:
    if resource.act:
        return Status.RESTARTING
    return Status.STOPPING if resource.power is Power.OFF else Status.STARTING


def change_for(resource: Resource, operation: PowerOperation) -> Change | None:
    """The change that the operation makes; None if it is under way already. Raises `EdgeError` (conflict) if the status
    of the instance does not allow it."""
    rule, status = _RULES[operation], status_of(resource)
    if status is rule.allowed_in:
        return rule.change
    if status is rule.under_way and resource.act == rule.change.act:
        return None
    raise refusal(operation, status)


def refusal(operation: PowerOperation, status: Status) -> EdgeError:
    """The conflict of an operation with the status of an instance."""
    allowed = _RULES[operation].allowed_in
    return conflict(f"Cannot {operation} an instance that is {status}: {operation} needs an instance that is {allowed}")
