"""Changes that a deployment makes to the template of tables: names that CloudFormation finds, and protection that comes
last."""

from collections.abc import Collection
from typing import Any

Json = dict[str, Any]

_PROTECTED = "DeletionProtectionEnabled"
_TABLE = "AWS::DynamoDB::Table"


def with_names(template: Json, stage: str) -> Json:
    """The template with the names of its tables written out. CloudFormation takes a table that exists into the stack
    only by a name without functions (user guide, "Import AWS resources into a CloudFormation stack automatically")."""
    resources = {
        name: _named(each, stage) if each["Type"] == _TABLE else each for name, each in template["Resources"].items()
    }
    return {**template, "Resources": resources}


def unprotected(template: Json, there: Collection[str]) -> Json:
    """The template, in which tables are not protected against deletion unless they are ``there`` (logical ids).
    Otherwise CloudFormation could not roll them back if another resource failed, and the next attempt would find their
    names taken. They are protected right after."""
    resources = {name: each if name in there else _deletable(each) for name, each in template["Resources"].items()}
    return {**template, "Resources": resources}


def table_names(template: Json) -> dict[str, str]:
    """The names of the tables by logical id, of a template with written names."""
    return {
        name: each["Properties"]["TableName"] for name, each in template["Resources"].items() if each["Type"] == _TABLE
    }


def _named(resource: Json, stage: str) -> Json:
    properties = resource["Properties"]
    name = properties["TableName"]["Fn::Sub"].replace("${Stage}", stage)
    return {**resource, "Properties": {**properties, "TableName": name}}


def _deletable(resource: Json) -> Json:
    if not resource.get("Properties", {}).get(_PROTECTED):
        return resource
    return {**resource, "Properties": {**resource["Properties"], _PROTECTED: False}}
