"""CloudFormation stacks, created or updated to match a template, on AWS as in the local cloud."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.functions import APP_NAME
from infra.stateful import to_compact_json

Json = dict[str, Any]

INLINE_TEMPLATE_BYTES = 51_200
"""The largest template that a request may carry; a larger one is read from S3 (CloudFormation quotas)."""

TEMPLATE_BYTES = 1_000_000
"""The largest template in S3 (CloudFormation quotas: 1 MB)."""

WAIT = {"Delay": 5, "MaxAttempts": 360}
"""Half an hour: building indexes on full tables takes its time."""

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
"""The application makes roles and uses the SAM transform."""


def stateful_stack(stage: str) -> str:
    return f"{APP_NAME}-{stage}-state"


def application_stack(stage: str) -> str:
    return f"{APP_NAME}-{stage}"


def further_stack(stage: str, name: str) -> str:
    return f"{APP_NAME}-{stage}-admin-{name}"


@dataclass(frozen=True)
class Artifacts:
    """The bucket that packages and large templates are read from."""

    s3: Any
    bucket: str

    def upload(self, content: bytes, suffix: str) -> str:
        """Store it under a name made of its content; returns the key. Storing the same again changes nothing."""
        key = f"{hashlib.sha256(content).hexdigest()}{suffix}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    def url_of(self, key: str) -> str:
        """The address that CloudFormation reads it from."""
        return f"{self.s3.meta.endpoint_url}/{self.bucket}/{key}"


@dataclass(frozen=True)
class Stacks:
    """Deploys. ``wait`` is the waiters' configuration."""

    cloudformation: Any
    wait: Mapping[str, int]

    def deploy(
        self, name: str, template: Json, parameters: Mapping[str, str], artifacts: Artifacts | None = None
    ) -> Json:
        """Create or update the stack and wait; returns its outputs. Nothing to change is success. Parameters that the
        template does not declare are passed over.

        Raises ValueError for a template over the quota, botocore's WaiterError when the stack rolls back.
        """
        request = {
            "StackName": name,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in parameters.items()
                if key in template.get("Parameters", {})
            ],
            "Capabilities": CAPABILITIES,
            **_template_argument(template, artifacts),
        }
        if self.exists(name):
            self._update(name, request)
        else:
            self.cloudformation.create_stack(**request, OnFailure="DELETE")
            self.cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=self.wait)
        return self.outputs(name)

    def outputs(self, name: str) -> dict[str, str]:
        """The outputs of a stack, by name."""
        stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def parameters(self, name: str) -> dict[str, str]:
        """What a stack was deployed with, by name."""
        stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}

    def physical_ids(self, name: str) -> dict[str, str]:
        """What each resource of a stack is really called, by logical id."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        rows = (row for page in pages for row in page["StackResourceSummaries"])
        return {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows if "PhysicalResourceId" in row}

    def _update(self, name: str, request: Json) -> None:
        try:
            self.cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return
            raise
        self.cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=self.wait)

    def exists(self, name: str) -> bool:
        try:
            stacks = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return False
            raise
        return any(stack["StackStatus"] != "DELETE_COMPLETE" for stack in stacks)


def deployed_template(packaged: Json, artifacts: Artifacts, package: Path) -> Json:
    """The packaged template with every function's code in S3."""
    key = artifacts.upload(package.read_bytes(), ".zip")
    resources = {
        name: _with_code(resource, f"s3://{artifacts.bucket}/{key}") for name, resource in packaged["Resources"].items()
    }
    return {**packaged, "Resources": resources}


def _with_code(resource: Json, uri: str) -> Json:
    if resource["Type"] != "AWS::Serverless::Function":
        return resource
    return {**resource, "Properties": {**resource["Properties"], "CodeUri": uri}}


def _template_argument(template: Json, artifacts: Artifacts | None) -> Json:
    body = to_compact_json(template)
    if len(body) <= INLINE_TEMPLATE_BYTES:
        return {"TemplateBody": body}
    if artifacts is None or len(body) > TEMPLATE_BYTES:
        raise ValueError(f"the template has {len(body)} bytes, more than CloudFormation takes")
    return {"TemplateURL": artifacts.url_of(artifacts.upload(body.encode(), ".json"))}
