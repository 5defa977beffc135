"""Restored rows go back to where streams, expiry and alarms are; a stage that was not restored whole is left alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.kit.counters import TABLE as COUNTERS
from chalicelib.kit.data_keys import DATA_KEYS, DataKeys
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Meter, Tables
from chalicelib.kit.tables.dynamodb import DynamoDriver
from infra import aws
from infra.functions import TABLES
from infra.restore import SUFFIX, RestoreError, check_stopped, main, restore
from tests.support.emulator import create_tables
from tests.support.fakes.aws import FakeKeyService
from tests.support.fakes.clock import FakeClock

PREFIX = "edge-admin-dev-"
COMMANDS = next(table for table in TABLES if table.name == "commands")
UPDATES = next(table for table in TABLES if table.sort and table.sort not in table.numbers)
SOME = (COMMANDS, DATA_KEYS, UPDATES)


@pytest.fixture
def clock():
    return FakeClock(datetime(2026, 11, 28, 3, tzinfo=UTC))


@pytest.fixture
def dynamodb(emulator):
    client = emulator.client("dynamodb")
    create_tables(client, [*SOME, COUNTERS], PREFIX)
    return client


def restored(dynamodb, tables=SOME):
    """As DynamoDB does it: beside the tables."""
    create_tables(dynamodb, [replace(table, name=f"{table.name}{SUFFIX}") for table in tables], PREFIX)


def put(dynamodb, name, *rows):
    for row in rows:
        dynamodb.put_item(TableName=f"{PREFIX}{name}", Item={key: {"S": value} for key, value in row.items()})


def rows(dynamodb, name):
    found = dynamodb.scan(TableName=f"{PREFIX}{name}")["Items"]
    return sorted(sorted((key, value["S"]) for key, value in row.items()) for row in found)


def key(place):
    return {UPDATES.partition: "p", str(UPDATES.sort): f"s{place}"}


def test_restored_rows_equal_the_backup_and_later_rows_are_gone(dynamodb, clock):
    restored(dynamodb)
    same = [{"id": f"same-{place:03}", "name": "north"} for place in range(130)]
    put(dynamodb, "commands", *same, {"id": "changed", "name": "new"}, {"id": "later", "name": "x"})
    put(dynamodb, f"commands{SUFFIX}", *same, {"id": "changed", "name": "old"}, {"id": "deleted", "name": "y"})
    put(dynamodb, UPDATES.name, key(1), key(2))
    put(dynamodb, f"{UPDATES.name}{SUFFIX}", key(2), key(3))
    said = []

    restore(dynamodb, PREFIX, (*SOME, COUNTERS), clock, said.append, write=True)

    assert rows(dynamodb, "commands") == rows(dynamodb, f"commands{SUFFIX}")
    assert rows(dynamodb, UPDATES.name) == rows(dynamodb, f"{UPDATES.name}{SUFFIX}")
    assert said[0] == "commands: 2 rows written, 1 later ones"
    said.clear()
    restore(dynamodb, PREFIX, (*SOME, COUNTERS), clock, said.append, write=True)
    assert {each.partition(": ")[2] for each in said} == {"0 rows written, 0 later ones"}


def test_restore_without_write_only_counts(dynamodb, clock):
    restored(dynamodb)
    put(dynamodb, "commands", {"id": "changed", "name": "new"}, {"id": "later", "name": "x"})
    put(dynamodb, f"commands{SUFFIX}", {"id": "changed", "name": "old"})
    before = rows(dynamodb, "commands")
    said = []

    restore(dynamodb, PREFIX, (*SOME, COUNTERS), clock, said.append, write=False)

    assert rows(dynamodb, "commands") == before
    assert said[0] == "commands: 1 rows differ, 1 later ones"


def data_keys(dynamodb, kms, clock):
    tables = Tables(DynamoDriver(dynamodb, PREFIX, Meter()), clock, Ids())
    return DataKeys(tables, kms, clock, Ids(), PREFIX)


def copy(dynamodb, table):
    for row in dynamodb.scan(TableName=f"{PREFIX}{table.name}")["Items"]:
        dynamodb.put_item(TableName=f"{PREFIX}{table.name}{SUFFIX}", Item=row)


@pytest.mark.parametrize("rotations", [0, 1, 2])
def test_restore_keeps_every_data_key_so_sealed_text_opens(dynamodb, clock, rotations):
    restored(dynamodb)
    kms = FakeKeyService()
    keys = data_keys(dynamodb, kms, clock)
    before = [keys.newest().id, keys.rotate()]
    copy(dynamodb, DATA_KEYS)
    since = [keys.rotate() for _ in range(rotations)]
    newest = keys.newest_id()
    for key_id in {*before, *since} - {newest}:
        keys.forget(key_id)

    for _ in range(2):
        restore(dynamodb, PREFIX, (*SOME, COUNTERS), clock, print, write=True)

        now = data_keys(dynamodb, kms, clock)
        assert now.newest_id() == newest
        found = {key_id: now.age_of(key_id) for key_id in (*before, newest)}
        assert {key_id for key_id, age in found.items() if age is not None and age.retired_at is None} == {newest}
        assert all(now.find(key_id) is not None for key_id in found)


def test_totals_are_left_to_the_recount(dynamodb, clock):
    restored(dynamodb)
    dynamodb.put_item(TableName=f"{PREFIX}{COUNTERS.name}", Item={"total": {"S": "nodes"}, "shard": {"S": "0"}})
    restore(dynamodb, PREFIX, (*SOME, COUNTERS), clock, print, write=True)
    assert len(rows(dynamodb, COUNTERS.name)) == 1


def test_restore_with_a_missing_table_changes_nothing(dynamodb, clock):
    restored(dynamodb, [COMMANDS])
    put(dynamodb, "commands", {"id": "later", "name": "x"})

    with pytest.raises(RestoreError, match=f"data_keys{SUFFIX}"):
        restore(dynamodb, PREFIX, (*SOME, COUNTERS), clock, print, write=True)
    assert len(rows(dynamodb, "commands")) == 1


def test_unprocessed_rows_of_a_restore_are_retried(dynamodb, clock):
    restored(dynamodb)
    put(dynamodb, f"commands{SUFFIX}", {"id": "a", "name": "x"}, {"id": "b", "name": "y"})

    class Busy:
        """Takes one write of each batch."""

        def __getattr__(self, name):
            return getattr(dynamodb, name)

        def batch_write_item(self, **asked):
            [(name, requests)] = asked["RequestItems"].items()
            dynamodb.batch_write_item(RequestItems={name: requests[:1]})
            return {"UnprocessedItems": {name: requests[1:]} if requests[1:] else {}}

    restore(Busy(), PREFIX, (*SOME, COUNTERS), clock, print, write=True)

    assert len(rows(dynamodb, "commands")) == 2
    assert clock.pauses


class Functions:
    """Lambda with these functions' reserved concurrency."""

    def __init__(self, **reserved):
        self.reserved = reserved

    def get_function_concurrency(self, *, FunctionName):  # noqa: N803 - boto3's name
        value = self.reserved[FunctionName]
        return {} if value is None else {"ReservedConcurrentExecutions": value}


def test_restore_is_refused_while_functions_run_and_names_them():
    functions = Functions(relay=None, api=10, recount=0)

    with pytest.raises(RestoreError, match=r"not 0\): relay, api; nothing is written"):
        check_stopped(functions, ["relay", "api", "recount"])
    check_stopped(functions, ["recount"])


class OneRuns:
    """A session of a stage with the core and a family, of whose functions that of the family is not stopped."""

    OF_FAMILY = "edge-admin-dev-machines"

    def __init__(self):
        self.services = []

    def client(self, service, config):
        self.services.append(service)
        return Functions(**{"edge-admin-dev-api": 0, f"{self.OF_FAMILY}-api": None}) if service == "lambda" else self

    def describe_stacks(self, StackName):  # noqa: N803 - boto3's name
        return {"Stacks": [{"StackName": StackName, "StackStatus": "CREATE_COMPLETE"}]}

    def get_paginator(self, name):
        return self

    def paginate(self, StackName=""):  # noqa: N803 - boto3's name
        stacks = [self.describe_stacks(name)["Stacks"][0] for name in ("edge-admin-dev", self.OF_FAMILY)]
        row = {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": f"{StackName}-api"}
        rows = [] if StackName.endswith("-state") else [row]
        return [{"Stacks": stacks, "StackResourceSummaries": rows}]


def test_restore_command_is_refused_while_a_function_of_a_family_runs(monkeypatch, capsys):
    session = OneRuns()
    monkeypatch.setattr(aws, "session_of", lambda stage: session)

    assert main(["--stage", "dev", "--write"]) == 1
    assert "not 0): edge-admin-dev-machines-api; nothing is written" in capsys.readouterr().err
    assert "dynamodb" not in session.services
