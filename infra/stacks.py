"""CloudFormation stacks, created or updated to match a template, on AWS as in the local cloud."""

import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import families
from infra.artifacts import Artifacts, template_argument
from infra.changes import Change, Kind, changed_parameters, from_change_set, from_template
from infra.deployables import CORE, FAMILIES_OUTPUT, NAME_PATTERN, Deployable
from infra.functions import APP_NAME
from infra.stack_events import StackFailedError, failures, is_running, refusal

Json = dict[str, Any]

WAIT = {"Delay": 5, "MaxAttempts": 5_760}
"""Eight hours: building an index reads the whole table, which takes hours for a large one."""

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
"""The application creates roles and uses the SAM transform."""

_NOTHING = ("didn't contain changes", "No updates are to be performed")
"""Parts of the reason of a change set that failed because it is empty."""

DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_GONE = "DELETE_COMPLETE"


def application_stack(stage: str, deployable: Deployable = CORE) -> str:
    return f"{APP_NAME}-{stage}" if deployable.is_core else f"{APP_NAME}-{stage}-{deployable.family.name}"


def stateful_stack(stage: str, deployable: Deployable = CORE) -> str:
    """The stateful stack below that stack."""
    return f"{application_stack(stage, deployable)}-state"


def further_stack(stage: str, name: str) -> str:
    return f"{APP_NAME}-{stage}-admin-{name}"


def application_stacks(stacks: "Stacks", stage: str) -> list[str]:
    """Every stack of a stage whose functions read its tables: the core's, those of families, and further ones."""
    core = application_stack(stage)
    own = re.compile(rf"{re.escape(core)}(-admin-.+|-{NAME_PATTERN})?")
    return [name for name in stacks.names(core) if own.fullmatch(name) and name != stateful_stack(stage)]


def remembered_families(stacks: "Stacks", stage: str) -> list[str] | None:
    """The families of this project that the stage of a deployed core has: those that the core was deployed for, also
    where a deployment ended before their turn, and those that have a stack. None if the core does not say: its creation
    failed, or its release did not."""
    named = stacks.outputs(application_stack(stage)).get(FAMILIES_OUTPUT)
    if named is None:
        return None
    found = {*named.split(","), *deployed_families(stacks, stage), families.NAMES[0]}
    return [name for name in families.NAMES if name in found]


def deployed_families(stacks: "Stacks", stage: str) -> list[str]:
    """The families of this project that have a stack of their own in that stage."""
    found = {name.removeprefix(f"{application_stack(stage)}-") for name in application_stacks(stacks, stage)}
    return [name for name in families.NAMES if name in found]


@dataclass(frozen=True)
class Stacks:
    """Plans and deploys stacks. ``wait`` gives the seconds between two checks, and their number."""

    cloudformation: Any
    wait: Mapping[str, int]

    def deploy(
        self, name: str, template: Json, parameters: Mapping[str, str], artifacts: Artifacts | None = None
    ) -> dict[str, str]:
        """Plan and apply in one step; returns the outputs."""
        self.apply(self.plan(name, template, parameters, artifacts))
        return self.outputs(name)

    def plan(
        self,
        name: str,
        template: Json,
        parameters: Mapping[str, str],
        artifacts: Artifacts | None = None,
        *,
        takes_existing: bool = False,
    ) -> Change:
        """The changes that are needed for the stack to match the template. Changes nothing yet, but creates a change
        set of an existing stack. Parameters that are not given keep their values; those that the template does not
        declare are ignored. An update that ``takes_existing`` takes retained resources into the stack that exist under
        their names. Raises ValueError for a template over the quota and for a stack in a state from which it cannot be
        updated, `StackFailedError` when CloudFormation refuses the change set.
        """
        declared = template.get("Parameters", {})
        given = {key: value for key, value in parameters.items() if key in declared}
        before = self.parameters(name) if self.exists(name) else None
        kept = [{"ParameterKey": key, "UsePreviousValue": True} for key in declared if key in (before or {})]
        request = {
            "StackName": name,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
            + [each for each in kept if each["ParameterKey"] not in given],
            "Capabilities": CAPABILITIES,
            **template_argument(template, artifacts),
        }
        changed = changed_parameters(template, before or {}, given)
        if before is None:
            return Change(name, Kind.CREATE, from_template(template), changed, request=request)
        if (refused := refusal(name, self.status(name))) is not None:
            raise ValueError(refused)
        found = self._change_set({**request, "ImportExistingResources": takes_existing})
        if found is None:
            return Change(name, Kind.NOTHING)
        change_set, changes = found
        return Change(name, Kind.UPDATE, from_change_set(changes), changed, change_set=change_set)

    def apply(self, change: Change) -> None:
        """Apply a change, and wait. Raises `StackFailedError` with what failed; a stack that could not be created is
        deleted then, with everything in it, so that the deployment can be repeated."""
        if change.kind is Kind.NOTHING:
            return
        # Otherwise a failed creation would leave behind resources with the deletion policy "Retain", which would block
        # the next attempt.
        if change.kind is Kind.CREATE:
            stack = self.cloudformation.create_stack(**change.request, OnFailure="ROLLBACK", RetainExceptOnCreate=True)
            stack_id = stack["StackId"]
        else:
            stack_id = self._described(change.stack)["StackId"]
            self.cloudformation.execute_change_set(ChangeSetName=change.change_set, RetainExceptOnCreate=True)
        status = self.settle(stack_id)
        if status in DONE:
            return
        failed = failures(self.cloudformation, stack_id)
        if status == "ROLLBACK_COMPLETE":
            self.cloudformation.delete_stack(StackName=stack_id)
            status = self.settle(stack_id)
        help_ = refusal(change.stack, status) if status != _GONE else None
        raise StackFailedError(change.stack, change.kind, failed, help_ or "")

    def discard(self, change: Change) -> None:
        """Delete the change set of a plan."""
        if change.change_set:
            self.cloudformation.delete_change_set(ChangeSetName=change.change_set)

    def settle(self, name: str) -> str:
        """Wait until nothing runs in the stack; returns its status. Raises TimeoutError."""
        for _ in range(self.wait["MaxAttempts"]):
            status = self.status(name)
            if not is_running(status):
                return status
            time.sleep(self.wait["Delay"])
        raise TimeoutError(f"the stack {name} is still {status}: it goes on by itself; deploy again later")

    def failures(self, name: str, status: str) -> list[str]:
        """The failures of the last operation on a stack, if that ended in this status; empty if it succeeded."""
        return [] if status in DONE else failures(self.cloudformation, self._described(name)["StackId"])

    def protect(self, name: str) -> None:
        """Enables termination protection: it must be disabled before the stack can be deleted."""
        if not self._described(name).get("EnableTerminationProtection"):
            self.cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=True)

    def outputs(self, name: str) -> dict[str, str]:
        """The outputs of a stack, by name."""
        return {each["OutputKey"]: each["OutputValue"] for each in self._described(name).get("Outputs", [])}

    def parameters(self, name: str) -> dict[str, str]:
        """The parameters that a stack was deployed with, by name."""
        described = self._described(name).get("Parameters", [])
        return {each["ParameterKey"]: each["ParameterValue"] for each in described}

    def template(self, name: str) -> Json:
        """The template that a stack was deployed with, before transforms."""
        template: Json = self.cloudformation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        return template

    def physical_ids(self, name: str) -> dict[str, str]:
        """The physical id of each resource of a stack, by logical id."""
        return {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in self._resources(name)}

    def functions(self, name: str) -> list[str]:
        """The physical names of a stack's functions."""
        rows = self._resources(name)
        return [row["PhysicalResourceId"] for row in rows if row["ResourceType"] == "AWS::Lambda::Function"]

    def names(self, prefix: str) -> list[str]:
        """The names of the stacks with this prefix, in order."""
        pages = self.cloudformation.get_paginator("describe_stacks").paginate()
        found = (stack for page in pages for stack in page["Stacks"] if stack["StackStatus"] != _GONE)
        return sorted(stack["StackName"] for stack in found if stack["StackName"].startswith(prefix))

    def exists(self, name: str) -> bool:
        return self.status(name) not in {"", _GONE}

    def status(self, name: str) -> str:
        """The status of a stack; "" if it does not exist."""
        try:
            return str(self._described(name)["StackStatus"])
        except ClientError as error:
            if "does not exist" in str(error):
                return ""
            raise

    def _described(self, name: str) -> Json:
        stack: Json = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return stack

    def _resources(self, name: str) -> Iterator[Json]:
        """The resources of a stack that exist."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        rows = (row for page in pages for row in page["StackResourceSummaries"])
        return (row for row in rows if "PhysicalResourceId" in row)

    def _change_set(self, request: Json) -> tuple[str, list[Json]] | None:
        """The id of a change set and its changes; None if it has none."""
        name = f"{APP_NAME}-{uuid.uuid4()}"
        made = self.cloudformation.create_change_set(**request, ChangeSetName=name, ChangeSetType="UPDATE")
        described = self._described_change_set(made["Id"])
        for _ in range(self.wait["MaxAttempts"]):
            if described["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                break
            time.sleep(self.wait["Delay"])
            described = self._described_change_set(made["Id"])
        if described["Status"] == "CREATE_COMPLETE":
            return made["Id"], described["Changes"]
        self.cloudformation.delete_change_set(ChangeSetName=made["Id"])
        reason = described.get("StatusReason", "")
        if any(words in reason for words in _NOTHING):
            return None
        raise StackFailedError(
            request["StackName"], Kind.UPDATE, [reason or described["Status"]], "Nothing was changed."
        )

    def _described_change_set(self, change_set: str) -> Json:
        """The description of a change set, with the changes of all pages."""
        pages = list(self.cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set))
        return {**pages[0], "Changes": [each for page in pages for each in page.get("Changes", [])]}
