"""The stacks of a deployed stage: ``python -m infra.stage_stacks --stage dev`` prints their names, in the order of
deletion.

Families that this checkout does not know are among them. Credentials come from the shell, the region from the stage's
file or the shell.
"""

import argparse
import re
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from infra import aws
from infra.deployables import NAME_PATTERN
from infra.stacks import WAIT, Stacks, application_stack, application_stacks, stateful_stack


def stage_stacks(stacks: Stacks, stage: str) -> list[str]:
    """Further stacks and applications of families, the tables and queues of these, the core's application, and last its
    tables, queues and bus, which all others use. Raises ValueError for a stage without stacks."""
    core, state = application_stack(stage), stateful_stack(stage)
    of_family = re.compile(rf"{re.escape(core)}-{NAME_PATTERN}-state")
    applications = application_stacks(stacks, stage)
    families = [name for name in stacks.names(core) if of_family.fullmatch(name)]
    last = [name for name in (core, state) if stacks.exists(name)]
    found = [*(name for name in applications if name != core), *families, *last]
    if not found:
        raise ValueError(f"there is no stack {core} in this account and region")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.stage_stacks", description=__doc__)
    parser.add_argument("--stage", required=True)
    asked = parser.parse_args(arguments)
    try:
        cloudformation = aws.client(aws.session_of(asked.stage), "cloudformation")
        print(*stage_stacks(Stacks(cloudformation, WAIT), asked.stage), sep="\n")
    except (ValueError, BotoCoreError, ClientError) as error:
        print(f"infra.stage_stacks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
