"""Uploads packages, and templates too large for a request, to the bucket from which CloudFormation reads them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.stateful import ARTIFACTS, ARTIFACTS_OUTPUT, to_compact_json

Json = dict[str, Any]

INLINE_TEMPLATE_BYTES = 51_200
"""The largest template that a request may carry; a larger one is read from S3 (CloudFormation quotas)."""

TEMPLATE_BYTES = 1_000_000
"""The largest template in S3 (CloudFormation quotas: 1 MB)."""


@dataclass(frozen=True)
class Artifacts:
    """Uploads to the bucket from which packages and large templates are read."""

    s3: Any
    bucket: str

    def upload(self, content: bytes, suffix: str) -> str:
        """Store a file under the hash of its content; returns the key. Idempotent."""
        key = f"{hashlib.sha256(content).hexdigest()}{suffix}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    def url_of(self, key: str) -> str:
        """The URL from which CloudFormation reads an object."""
        return f"{self.s3.meta.endpoint_url}/{self.bucket}/{key}"


def deployed_template(packaged: Json, artifacts: Artifacts, package: Path) -> Json:
    """The packaged template with every function's code in S3."""
    key = artifacts.upload(package.read_bytes(), ".zip")
    resources = {
        name: _with_code(resource, f"s3://{artifacts.bucket}/{key}") for name, resource in packaged["Resources"].items()
    }
    return {**packaged, "Resources": resources}


def fits_into_a_request(template: Json) -> bool:
    """Whether CloudFormation takes the template without a bucket."""
    return len(to_compact_json(template)) <= INLINE_TEMPLATE_BYTES


def template_argument(template: Json, artifacts: Artifacts | None) -> Json:
    """The argument of a request for the template: its text or its URL. Raises ValueError for one over the quota."""
    body = to_compact_json(template)
    if fits_into_a_request(template):
        return {"TemplateBody": body}
    if artifacts is None or len(body) > TEMPLATE_BYTES:
        raise ValueError(f"the template has {len(body)} bytes, more than CloudFormation takes")
    return {"TemplateURL": artifacts.url_of(artifacts.upload(body.encode(), ".json"))}


def creation_steps(template: Json) -> list[Json]:
    """The templates by which the core's stateful stack is created, one after the other: the whole one alone, or before
    it, if no request can carry it, its artifact bucket, from which CloudFormation reads the whole one.

    Both make the same bucket, so a creation that fails after the first step goes on from there.
    """
    if fits_into_a_request(template):
        return [template]
    bucket = (ARTIFACTS, f"{ARTIFACTS}Policy")  # the local cloud's template has no policies
    resources = {name: each for name, each in template["Resources"].items() if name in bucket}
    outputs = {ARTIFACTS_OUTPUT: template["Outputs"][ARTIFACTS_OUTPUT]}
    return [{**template, "Resources": resources, "Outputs": outputs}, template]


def _with_code(resource: Json, uri: str) -> Json:
    if resource["Type"] != "AWS::Serverless::Function":
        return resource
    return {**resource, "Properties": {**resource["Properties"], "CodeUri": uri}}
