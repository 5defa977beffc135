"""Keeps a backup of all tables of a stage: ``python -m infra.backup --stage dev --name before-the-move``.

Every second of the last 35 days can be restored without it; this is for longer. Backups are kept until they are
deleted. Each table is copied as it is at its own moment, some seconds apart. Safe to repeat: a table that has a backup
of this name keeps it, so that a run that was stopped is finished by the next.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kit.clock import Clock, SystemClock
from chalicelib.kit.tables.schema import Table
from infra import aws
from infra.functions import APP_NAME
from infra.stage_tables import tables_of

Say = Callable[[str], None]

NAME_PATTERN = r"[a-zA-Z0-9_.-]{3,255}"
"""The names that DynamoDB takes (API reference, CreateBackup)."""

LOOK_SECONDS = 1.0
LOOKS = 600


class BackupError(Exception):
    """A backup was not finished; a repeat goes on."""


def check_name(name: str) -> None:
    """Raises ValueError for a name that DynamoDB does not take."""
    if re.fullmatch(NAME_PATTERN, name) is None:
        raise ValueError(f"--name {name!r}: 3 to 255 letters, digits, _, . or -")


def backup(dynamodb: Any, prefix: str, tables: Iterable[Table], name: str, clock: Clock, say: Say) -> int:
    """Back up the tables of a stage that have no backup of this name yet, and wait for all; returns how many were new.
    ``dynamodb`` is boto3's client, ``prefix`` stands before the tables' names. Raises `BackupError`."""
    arns, made = {}, 0
    for table in (f"{prefix}{table.name}" for table in tables):
        arn = _known(dynamodb, table, name)
        if arn is None:
            arn = dynamodb.create_backup(TableName=table, BackupName=name)["BackupDetails"]["BackupArn"]
            made += 1
        arns[table] = arn
    for table, arn in arns.items():
        _wait(dynamodb, table, arn, clock)
        say(f"{table}: {arn}")
    say(f"{len(arns)} tables have the backup {name!r}, {made} of them from now")
    return made


def _known(dynamodb: Any, table: str, name: str) -> str | None:
    """The ARN of a table's backup of this name."""
    start: dict[str, str] = {}
    while True:
        page = dynamodb.list_backups(TableName=table, BackupType="USER", **start)
        for each in page["BackupSummaries"]:
            if each["BackupName"] == name and each["BackupStatus"] != "DELETED":
                return str(each["BackupArn"])
        last = page.get("LastEvaluatedBackupArn")
        if last is None:
            return None
        start = {"ExclusiveStartBackupArn": last}


def _wait(dynamodb: Any, table: str, arn: str, clock: Clock) -> None:
    for _ in range(LOOKS):
        found = dynamodb.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"]
        if found == "AVAILABLE":
            return
        clock.sleep(LOOK_SECONDS)
    raise BackupError(f"the backup of {table} is not available yet: repeat the command")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.backup", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--name", required=True, help="what the backups are called")
    asked = parser.parse_args(arguments)
    try:
        check_name(asked.name)
        session = aws.session_of(asked.stage)
        client, tables = aws.client(session, "dynamodb", attempts=10), tables_of(session, asked.stage)
        backup(client, f"{APP_NAME}-{asked.stage}-", tables, asked.name, SystemClock(), print)
    except (ValueError, BackupError, BotoCoreError, ClientError) as error:
        print(f"infra.backup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
