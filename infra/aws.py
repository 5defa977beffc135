"""Sessions and clients of AWS for the commands of this folder. ``python -m infra.aws --stage dev`` prints the region in
which they work.

Credentials are those of the shell. The region is that of the stage's file, else that of the shell, as the AWS command
line takes it: boto3 alone does not read ``AWS_REGION``.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.stagefile import account_and_region

Json = dict[str, Any]


def session(region: str, environment: Mapping[str, str] = os.environ) -> Any:
    """boto3's session in that region; "" stands for the shell's. Raises ValueError without a region."""
    found = boto3.Session(region_name=region or environment.get("AWS_REGION") or None)
    if found.region_name is None:
        raise ValueError("no region: set AWS_REGION, or region in the file of the stage")
    return found


def session_of(stage: str) -> Any:
    """The session of a deployed stage. Raises ValueError for an invalid name or file of the stage, without a region,
    and for credentials of another account than the file's."""
    account, region = account_and_region(stage)
    found = session(region)
    if account:
        caller_in(found, account)
    return found


def caller_in(within: Any, account: str) -> Json:
    """STS's description of a session's caller. Raises ValueError for another account; "" stands for any."""
    caller: Json = client(within, "sts").get_caller_identity()
    if account and caller["Account"] != account:
        raise ValueError(f"the credentials are of account {caller['Account']}, and the stage's file says {account}")
    return caller


def client(within: Any, service: str, attempts: int = 5) -> Any:
    """A client of a session, which tries each call up to that many times."""
    return within.client(service, config=Config(retries={"mode": "standard", "total_max_attempts": attempts}))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.aws", description=__doc__)
    parser.add_argument("--stage", required=True)
    asked = parser.parse_args(arguments)
    try:
        print(session_of(asked.stage).region_name)
    except (ValueError, BotoCoreError, ClientError) as error:
        print(f"infra.aws: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
