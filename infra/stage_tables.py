"""The tables of a deployed stage: ``python -m infra.stage_tables --stage dev`` prints their names.

A family that is not deployed in a stage has no tables there. Account and region come from the shell, as the AWS command
line takes them.
"""

import argparse
import sys
from collections.abc import Sequence

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import families
from chalicelib.kit.tables.schema import Table
from infra.deployables import deployables
from infra.deployment.stagefile import check_stage
from infra.stacks import WAIT, Stacks, application_stack, deployed_families

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5})


def stage_tables(stacks: Stacks, stage: str) -> tuple[Table, ...]:
    """The tables of the core and of each family that has a stack there. Raises ValueError for a stage without a
    core."""
    core = application_stack(stage)
    if not stacks.exists(core):
        raise ValueError(f"there is no stack {core} in this account and region")
    named = ",".join((families.NAMES[0], *deployed_families(stacks, stage)))
    return tuple(table for each in deployables(families.chosen(named)) for table in each.tables)


def tables_of(stage: str) -> tuple[Table, ...]:
    """`stage_tables`, of the account and region of the shell."""
    return stage_tables(Stacks(boto3.client("cloudformation", config=_CONFIG), WAIT), stage)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.stage_tables", description=__doc__)
    parser.add_argument("--stage", required=True)
    asked = parser.parse_args(arguments)
    try:
        check_stage(asked.stage)
        print(*(table.name for table in tables_of(asked.stage)))
    except (ValueError, BotoCoreError, ClientError) as error:
        print(f"infra.stage_tables: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
