"""Detects table changes that DynamoDB or CloudFormation would refuse, or that would remove an index from code that uses
it.

DynamoDB can create or delete one index of a table per update, and cannot change any. An index is added before the code
that queries it, and removed after that code; ``Index(retired=True)`` is the step in between.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.kit.tables.schema import Table
from infra.functions import APP_NAME

Json = dict[str, Any]
Used = Mapping[str, Iterable[str]]
"""Names of indexes by table."""

METADATA = "EdgeAdmin"
_TABLE = "AWS::DynamoDB::Table"


@dataclass(frozen=True)
class Application:
    """A deployed stack of functions, and the indexes that its code may query; None if its template does not say."""

    stack: str
    used: Used | None

    def uses(self, table: str, index: str) -> bool:
        return self.used is None or index in self.used.get(table, ())


def used_indexes(tables: Iterable[Table]) -> dict[str, list[str]]:
    """The indexes that the code may query: all except retired ones."""
    return {table.name: [each.name for each in table.indexes if not each.retired] for table in tables}


def application(stack: str, template: Json) -> Application:
    """From a deployed template's metadata."""
    return Application(stack, template.get("Metadata", {}).get(METADATA, {}).get("Indexes"))


def removed_indexes(old: Json, new: Json) -> list[tuple[str, str]]:
    """The removed indexes, as table and index, of tables in both templates."""
    return [
        (name, index)
        for name, (before, after) in _both(old, new).items()
        for index in _indexes(before)
        if index not in _indexes(after)
    ]


def deployed_indexes(template: Json) -> dict[str, list[str]]:
    """The names of the indexes of each table, by its own name."""
    return {_own_name(each): list(_indexes(each)) for each in _tables(template).values()}


def missing(deployed: Json, used: Used) -> list[str]:
    """The tables, and the indexes of tables, that code uses and a stateful template does not have."""
    there = {_own_name(each): _indexes(each) for each in _tables(deployed).values()}
    return [
        f"the index {index} of table {table}" if table in there else f"the table {table}"
        for table, indexes in used.items()
        for index in (indexes if table in there else ("",))
        if index not in there.get(table, ())
    ]


def refusals(old: Json, new: Json, applications: Iterable[Application]) -> list[str]:
    """The reasons why one deployment cannot turn the old tables into the new ones, a sentence each."""
    found = []
    for name, (before, after) in _both(old, new).items():
        if _keys(before) != _keys(after):
            found.append(
                f"table {name}: its key changes, and CloudFormation would put an empty table in its place. Make a "
                "table of another name, and move the rows."
            )
        was, becomes = _indexes(before), _indexes(after)
        found += [_changed(name, index) for index in was if index in becomes and was[index] != becomes[index]]
        moved = [f"+{index}" for index in becomes if index not in was]
        moved += [f"-{index}" for index in was if index not in becomes]
        if len(moved) > 1:
            found.append(
                f"table {name}: {', '.join(moved)}: DynamoDB makes or removes one index of a table at a time. Deploy "
                "them one after the other."
            )
        old_time, new_time = (each.get("TimeToLiveSpecification", {}).get("AttributeName") for each in (before, after))
        if old_time and new_time and old_time != new_time:
            found.append(
                f"table {name}: rows expire by {new_time} instead of {old_time}. Deploy it without, then with the new "
                "one."
            )
    applications = list(applications)
    for name, index in removed_indexes(old, new):
        users = [each.stack for each in applications if each.uses(name, index)]
        if users:
            found.append(
                f"table {name}: index {index} is removed, and the code of {', '.join(users)} may query it. Mark it "
                "retired=True in its Index, deploy that to every stack, and remove it then."
            )
    return found


def _changed(table: str, index: str) -> str:
    return (
        f"table {table}: index {index} changes, which DynamoDB cannot do. Add one of another name, deploy, use it, "
        "deploy, and retire this one."
    )


def _both(old: Json, new: Json) -> dict[str, tuple[Json, Json]]:
    """The properties of tables that are in both, by the table's own name."""
    before, after = _tables(old), _tables(new)
    return {_own_name(before[name]): (before[name], after[name]) for name in before if name in after}


def _tables(template: Json) -> dict[str, Json]:
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == _TABLE}


def _own_name(properties: Json) -> str:
    """From a name as it is deployed or with the stage's parameter; a stage's name has no hyphen."""
    name = properties["TableName"]
    text: str = name["Fn::Sub"] if isinstance(name, dict) else name
    return re.sub(rf"^{APP_NAME}-[^-]+-", "", text)


def _keys(properties: Json) -> Json:
    """Its key, with types."""
    return _typed(properties, properties["KeySchema"])


def _typed(properties: Json, schema: list[Json]) -> Json:
    types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
    return {each["KeyType"]: (each["AttributeName"], types[each["AttributeName"]]) for each in schema}


def _indexes(properties: Json) -> dict[str, Json]:
    found = {}
    for index in properties.get("GlobalSecondaryIndexes", ()):
        projection = {
            **index["Projection"],
            "NonKeyAttributes": sorted(index["Projection"].get("NonKeyAttributes", ())),
        }
        found[index["IndexName"]] = {"keys": _typed(properties, index["KeySchema"]), "projection": projection}
    return found
