"""Translates the status and the events of a stack into words."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_DELETE = "aws cloudformation delete-stack --stack-name {name}"
_HELP = {
    "REVIEW_IN_PROGRESS": f"somebody began to create it and did not go on. Delete it, then deploy again: {_DELETE}",
    "CREATE_FAILED": f"its creation failed and was not undone. Delete it, then deploy again: {_DELETE}",
    "ROLLBACK_COMPLETE": f"its creation failed; nothing is in it. Delete it, then deploy again: {_DELETE}",
    "ROLLBACK_FAILED": "its creation failed, and not all of it could be deleted; its events say what and why. Mend "
    f"that, then delete it and deploy again: {_DELETE}",
    "DELETE_FAILED": "it was deleted but for something that its events name. Mend that, then delete it again: "
    f"{_DELETE}",
    "UPDATE_FAILED": "its update failed and was not undone. Undo it, then deploy again: "
    "aws cloudformation rollback-stack --stack-name {name}",
    "UPDATE_ROLLBACK_FAILED": "an update failed, and could not be undone either; its events say why. Mend that, then "
    "deploy again after: aws cloudformation continue-update-rollback --stack-name {name}",
}
_WAITING = "REVIEW_IN_PROGRESS"
_STACK = "AWS::CloudFormation::Stack"
_CANCELLED = "cancelled"
"""Part of the reason of resources that failed only because another one did."""


class StackFailedError(Exception):
    """CloudFormation failed; the message names the failed resources and the reasons."""

    def __init__(self, stack: str, kind: str, failed: list[str], help_: str = "") -> None:
        lines = [f"could not {kind} the stack {stack}:", *(f"  {each}" for each in failed), help_]
        super().__init__("\n".join(line for line in lines if line))


def is_running(status: str) -> bool:
    """Whether an operation is running on a stack."""
    return status.endswith("IN_PROGRESS") and status != _WAITING


def refusal(name: str, status: str) -> str | None:
    """The reason why a stack with that status cannot be updated, with the remedy; None if it can."""
    if is_running(status):
        return f"the stack {name} is {status}: wait until that is done"
    if status not in _HELP:
        return None
    return f"the stack {name} is {status}: {_HELP[status].format(name=name)}"


def failures(cloudformation: Any, stack_id: str) -> list[str]:
    """The failures of the last operation on a stack, oldest first: ``resource (type): reason``."""
    failed = [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason')}"
        for event in _last_operation(cloudformation, stack_id)
        if event["ResourceStatus"].endswith("FAILED") and _CANCELLED not in event.get("ResourceStatusReason", "")
    ]
    return failed[::-1] or ["its events name no reason"]


def _last_operation(cloudformation: Any, stack_id: str) -> Iterator[Json]:
    """The events of the last creation, update or deletion, newest first."""
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        for event in page["StackEvents"]:
            yield event
            is_own = event["ResourceType"] == _STACK and event.get("PhysicalResourceId") == event["StackId"]
            if is_own and event["ResourceStatus"] in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}:
                return
