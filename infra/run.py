"""Runs a schedule of a deployed stage now: ``python -m infra.run recount --stage dev``.

It is invoked asynchronously, as by its schedule: its log shows the result. Credentials come from the shell, the region
from the stage's file or the shell.
"""

import argparse
import json
import sys
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kit.clock import SystemClock, to_seconds_text
from chalicelib.platform.context import ScheduleSource
from infra import aws
from infra.deployables import EVERY, Deployable
from infra.functions import APP_NAME, FUNCTIONS, function
from infra.stacks import WAIT, Stacks, application_stack

SCHEDULES = tuple(each.name for each in FUNCTIONS if isinstance(each.source, ScheduleSource))


def stack_of(name: str) -> Deployable:
    """The stack that has the function of that name."""
    return next(stack for stack in EVERY if name in {each.name for each in stack.functions})


def scheduled_event(account: str, region: str, now: datetime) -> bytes:
    """The event that EventBridge sends to the target of a schedule."""
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": to_seconds_text(now),
        "region": region,
        "resources": [],
        "detail": {},
    }
    return json.dumps(event).encode()


def run(cloudformation: Any, lambda_client: Any, stage: str, name: str, now: datetime) -> str:
    """Invoke the function, and return its physical name. Raises ValueError for a stage without it."""
    stacks = Stacks(cloudformation, WAIT)
    stack = application_stack(stage, stack_of(name))
    if not stacks.exists(stack):
        raise ValueError(f"there is no stack {stack} in this account and region")
    called = stacks.physical_ids(stack)[function(name).resource]
    event = scheduled_event("", lambda_client.meta.region_name, now)
    lambda_client.invoke(FunctionName=called, InvocationType="Event", Payload=event)
    return called


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.run", description=__doc__)
    parser.add_argument("schedule", choices=SCHEDULES)
    parser.add_argument("--stage", required=True)
    asked = parser.parse_args(arguments)
    try:
        session = aws.session_of(asked.stage)
        cloudformation, functions = aws.client(session, "cloudformation"), aws.client(session, "lambda")
        called = run(cloudformation, functions, asked.stage, asked.schedule, SystemClock().now())
    except (ValueError, BotoCoreError, ClientError) as error:
        print(f"infra.run: {error}", file=sys.stderr)
        return 1
    group = f"/{APP_NAME}/{asked.stage}{stack_of(asked.schedule).log_folder}/{asked.schedule}"
    print(f"{called} is started. Its log: aws logs tail {group} --since 5m --follow")
    return 0


if __name__ == "__main__":
    sys.exit(main())
