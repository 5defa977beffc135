"""Indexes that DynamoDB is still building, and those that a failed update has left."""

import pytest

from infra.deployment.index_status import DeployedIndexes

WAIT = {"Delay": 0, "MaxAttempts": 5}


class Dynamo:
    """Answers each look at a table with the next of its statuses of indexes; the last one stays."""

    class exceptions:  # noqa: N801 - boto3's name
        class ResourceNotFoundException(Exception):  # noqa: N818 - boto3's name
            """There is no such table."""

    def __init__(self, **looks):
        self.looks = looks

    def describe_table(self, *, TableName):  # noqa: N803 - boto3's name
        if TableName not in self.looks:
            raise self.exceptions.ResourceNotFoundException
        looks = self.looks[TableName]
        statuses = looks.pop(0) if len(looks) > 1 else looks[0]
        indexes = [{"IndexName": name, "IndexStatus": status} for name, status in statuses.items()]
        return {"Table": {"GlobalSecondaryIndexes": indexes}}


def settled(dynamo, tables, said):
    DeployedIndexes(dynamo, WAIT, said.extend).settle(tables)


def test_index_that_is_being_built_is_waited_for_and_told_once():
    said = []
    dynamo = Dynamo(nodes=[{"all": "CREATING"}, {"all": "CREATING"}, {"all": "ACTIVE"}], gone=[{}])
    settled(dynamo, {"nodes": ["all"], "gone": []}, said)
    assert said == ["nodes/all is CREATING", "waiting for that: an index of a large table takes hours"]


def test_table_of_the_stack_that_is_not_there_needs_no_wait():
    settled(Dynamo(), {"nodes": ["all"]}, [])


def test_index_that_is_never_ready_ends_the_deployment():
    with pytest.raises(TimeoutError, match="nodes/all is CREATING"):
        settled(Dynamo(nodes=[{"all": "CREATING"}]), {"nodes": ["all"]}, [])


def test_index_that_a_failed_update_has_left_is_named_with_its_command():
    dynamo = Dynamo(nodes=[{"all": "ACTIVE", "by_age": "CREATING"}])
    with pytest.raises(ValueError, match=r"the index by_age.*aws dynamodb update-table --table-name nodes"):
        settled(dynamo, {"nodes": ["all"]}, [])


def test_index_that_is_being_deleted_is_waited_for():
    said = []
    settled(Dynamo(nodes=[{"all": "ACTIVE", "old": "DELETING"}, {"all": "ACTIVE"}]), {"nodes": ["all"]}, said)
    assert said[0] == "nodes/old is DELETING"
