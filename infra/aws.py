"""Sessions and clients of AWS for the commands of this folder.

Credentials are those of the shell. The region is that of the stage's file, else that of the shell, as the AWS command
line takes it: boto3 alone does not read ``AWS_REGION``.
"""

import os
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from infra.deployment.stagefile import region_of


def session(region: str, environment: Mapping[str, str] = os.environ) -> Any:
    """boto3's session in that region; "" stands for the shell's. Raises ValueError without a region."""
    found = boto3.Session(region_name=region or environment.get("AWS_REGION") or None)
    if found.region_name is None:
        raise ValueError("no region: set AWS_REGION, or region in the file of the stage")
    return found


def session_of(stage: str) -> Any:
    """The session of a deployed stage. Raises ValueError for an invalid name or file of the stage, and without a
    region."""
    return session(region_of(stage))


def client(within: Any, service: str, attempts: int = 5) -> Any:
    """A client of a session, which tries each call up to that many times."""
    return within.client(service, config=Config(retries={"mode": "standard", "total_max_attempts": attempts}))
