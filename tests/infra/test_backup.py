"""Backups that outlive point-in-time recovery: of every table, once for each name."""

from datetime import UTC, datetime

import pytest

from infra import backup as tool
from infra.backup import BackupError, backup, main
from infra.functions import TABLES
from tests.support.fakes.clock import FakeClock

PREFIX = "edge-admin-dev-"
NAMES = [f"{PREFIX}{table.name}" for table in TABLES]


class Dynamo:
    """The backups of DynamoDB; each is available at the second look. ``most`` is how many it makes before it fails."""

    def __init__(self, most=None, page=2):
        self.backups = {}
        self.looks = {}
        self.most = most
        self.page = page

    def create_backup(self, *, TableName, BackupName):  # noqa: N803 - as boto3 has it
        if self.most is not None and len(self.backups) >= self.most:
            raise RuntimeError("stopped")
        arn = f"arn:{TableName}/{len(self.backups)}"
        self.backups[arn] = {
            "TableName": TableName,
            "BackupName": BackupName,
            "BackupArn": arn,
            "BackupStatus": "CREATING",
        }
        return {"BackupDetails": self.backups[arn]}

    def list_backups(self, *, TableName, BackupType, ExclusiveStartBackupArn=None):  # noqa: N803
        assert BackupType == "USER"
        found = [each for each in self.backups.values() if each["TableName"] == TableName]
        arns = [each["BackupArn"] for each in found]
        start = 0 if ExclusiveStartBackupArn is None else arns.index(ExclusiveStartBackupArn) + 1
        shown = found[start : start + self.page]
        more = start + self.page < len(found)
        return {"BackupSummaries": shown, **({"LastEvaluatedBackupArn": shown[-1]["BackupArn"]} if more else {})}

    def describe_backup(self, *, BackupArn):  # noqa: N803
        looks = self.looks[BackupArn] = self.looks.get(BackupArn, 0) + 1
        status = "AVAILABLE" if looks > 1 else "CREATING"
        return {"BackupDescription": {"BackupDetails": {"BackupStatus": status}}}

    def of(self, name):
        return sorted(each["TableName"] for each in self.backups.values() if each["BackupName"] == name)


@pytest.fixture
def clock():
    return FakeClock(datetime(2026, 11, 29, 3, tzinfo=UTC))


def test_every_table_is_backed_up_and_waited_for(clock):
    dynamodb, said = Dynamo(), []

    assert backup(dynamodb, PREFIX, TABLES, "monthly", clock, said.append) == len(TABLES)
    assert dynamodb.of("monthly") == sorted(NAMES)
    assert min(dynamodb.looks.values()) == 2
    assert said[-1] == f"{len(TABLES)} tables have the backup 'monthly', {len(TABLES)} of them from now"


def test_stopped_backup_is_finished_by_the_next_and_nothing_is_kept_twice(clock):
    dynamodb = Dynamo(most=5)
    with pytest.raises(RuntimeError):
        backup(dynamodb, PREFIX, TABLES, "monthly", clock, print)
    dynamodb.most = None

    assert backup(dynamodb, PREFIX, TABLES, "monthly", clock, print) == len(TABLES) - 5
    assert backup(dynamodb, PREFIX, TABLES, "monthly", clock, print) == 0
    assert dynamodb.of("monthly") == sorted(NAMES)


def test_backup_of_another_name_is_another_also_behind_a_page(clock):
    dynamodb = Dynamo()
    for name in ("first", "second", "third"):
        assert backup(dynamodb, PREFIX, TABLES, name, clock, print) == len(TABLES)
    assert backup(dynamodb, PREFIX, TABLES, "third", clock, print) == 0


def test_backup_that_never_becomes_available_is_an_error(clock, monkeypatch):
    monkeypatch.setattr(tool, "LOOKS", 1)
    with pytest.raises(BackupError, match="repeat the command"):
        backup(Dynamo(), PREFIX, TABLES, "monthly", clock, print)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--stage", "Dev", "--name", "monthly"], "Dev"), (["--stage", "dev", "--name", "x y"], "'x y'")],
)
def test_wrong_stage_and_name_are_refused(arguments, said, capsys):
    assert main(arguments) == 1
    assert said in capsys.readouterr().err
