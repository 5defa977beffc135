"""The parts of the strict EC2's answers that all its things share: tags, filters, refusals."""

from collections.abc import Mapping
from typing import Any, NoReturn

from botocore.exceptions import ClientError

Json = dict[str, Any]


def tags_of(request: Json, kind: str) -> dict[str, str]:
    """The tags of a new thing."""
    of_kind = [each for each in request.get("TagSpecifications", ()) if each["ResourceType"] == kind]
    return {tag["Key"]: tag["Value"] for each in of_kind for tag in each["Tags"]}


def shown_tags(tags: Mapping[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def matches(shown: Json, one: Mapping[str, Any], known: Mapping[str, str], operation: str) -> bool:
    """Whether a thing fits a filter, by a tag or one of the ``known`` values."""
    name, values = one["Name"], one["Values"]
    if len(values) > 200:
        refuse("FilterLimitExceeded", operation)
    if name.startswith("tag:"):
        tags = {tag["Key"]: tag["Value"] for tag in shown["Tags"]}
        return tags.get(name.removeprefix("tag:")) in values
    if name not in known:
        refuse("InvalidParameterValue", operation)
    return known[name] in values


def refuse(code: str, operation: str, status: int = 400) -> NoReturn:
    about: Any = {
        "Error": {"Code": code, "Message": "a text that names things of the account"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    raise ClientError(about, operation)
