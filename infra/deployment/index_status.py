"""The indexes of tables as DynamoDB has them. CloudFormation does not wait until a new one can be queried, and does not
take back one that an update had begun before it failed (CloudFormation user guide, "AWS::DynamoDB::Table",
GlobalSecondaryIndexes)."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ACTIVE, _DELETING = "ACTIVE", "DELETING"


@dataclass(frozen=True)
class DeployedIndexes:
    """``wait`` gives the seconds between two looks, and their number; ``tell`` shows lines to the deployer."""

    dynamodb: Any
    wait: Mapping[str, int]
    tell: Callable[[Sequence[str]], None]

    def settle(self, tables: Mapping[str, Collection[str]]) -> None:
        """Wait until each index of these tables can be queried. ``tables`` are their names, with those of the indexes
        that the deployed template has. Raises TimeoutError, and ValueError for an index that it lacks: the next change
        of its table would fail."""
        told: list[str] = []
        for _ in range(self.wait["MaxAttempts"]):
            there = {table: self._statuses(table) for table in tables}
            _check(tables, there)
            building = [
                f"{table}/{index} is {status}"
                for table, each in there.items()
                for index, status in each.items()
                if status != _ACTIVE
            ]
            if not building:
                return
            if building != told:
                self.tell([*building, "waiting for that: an index of a large table takes hours"])
                told = building
            time.sleep(self.wait["Delay"])
        raise TimeoutError(f"still not ready: {', '.join(told)}. It goes on by itself; deploy again later")

    def _statuses(self, table: str) -> dict[str, str]:
        """The status of each index of a table; none of a table that is not there."""
        try:
            described = self.dynamodb.describe_table(TableName=table)["Table"]
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return {}
        indexes = described.get("GlobalSecondaryIndexes", ())
        return {each["IndexName"]: each.get("IndexStatus", _ACTIVE) for each in indexes}


def _check(tables: Mapping[str, Collection[str]], there: Mapping[str, Mapping[str, str]]) -> None:
    for table, known in tables.items():
        left = {index for index, status in there[table].items() if status != _DELETING}
        for index in left - set(known):
            raise ValueError(
                f"table {table} has the index {index}, which its stack does not know: an update that failed has left "
                f"it. Delete it, and deploy again: aws dynamodb update-table --table-name {table} "
                f"""--global-secondary-index-updates '[{{"Delete": {{"IndexName": "{index}"}}}}]'"""
            )
