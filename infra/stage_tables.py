"""The tables of a deployed stage: ``python -m infra.stage_tables --stage dev`` prints their names.

A family that is not deployed in a stage has no tables there. Credentials come from the shell, the region from the
stage's file or the shell.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import families
from chalicelib.kit.tables.schema import Table
from infra import aws
from infra.deployables import deployables
from infra.stacks import WAIT, Stacks, application_stack, deployed_families


def stage_tables(stacks: Stacks, stage: str) -> tuple[Table, ...]:
    """The tables of the core and of each family that has a stack there. Raises ValueError for a stage without a
    core."""
    core = application_stack(stage)
    if not stacks.exists(core):
        raise ValueError(f"there is no stack {core} in this account and region")
    named = ",".join((families.NAMES[0], *deployed_families(stacks, stage)))
    return tuple(table for each in deployables(families.chosen(named)) for table in each.tables)


def tables_of(session: Any, stage: str) -> tuple[Table, ...]:
    """`stage_tables`, of the account and region of that session."""
    return stage_tables(Stacks(aws.client(session, "cloudformation"), WAIT), stage)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.stage_tables", description=__doc__)
    parser.add_argument("--stage", required=True)
    asked = parser.parse_args(arguments)
    try:
        print(*(table.name for table in tables_of(aws.session_of(asked.stage), asked.stage)))
    except (ValueError, BotoCoreError, ClientError) as error:
        print(f"infra.stage_tables: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
