"""The parts of the strict EC2's answers that all its things share: tags, filters, refusals."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

from botocore.exceptions import ClientError
from botocore.session import get_session
from botocore.validate import ParamValidator

Json = dict[str, Any]

_PAGES = (5, 1_000)
"""The least and the most things of a page, where the SDK's model names no range (EC2 API reference)."""


def validate(operation: str, request: Json) -> None:
    """Raises AssertionError for arguments that the SDK would not send."""
    report = ParamValidator().validate(request, _model().operation_model(operation).input_shape)
    assert not report.has_errors(), report.generate_report()


def check_ranges(operation: str, request: Json) -> None:
    """Refuse a number out of its range. The SDK sends one that is too great, and EC2 refuses it."""
    for name, shape in _model().operation_model(operation).input_shape.members.items():
        if name in request and shape.type_name == "integer":
            least, most = _PAGES if name == "MaxResults" else (request[name], request[name])
            if not shape.metadata.get("min", least) <= request[name] <= shape.metadata.get("max", most):
                refuse("InvalidParameterValue", operation)


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
    if name == "tag-key":
        return any(tag["Key"] in values for tag in shown["Tags"])
    if name not in known:
        refuse("InvalidParameterValue", operation)
    return known[name] in values


def refuse(code: str, operation: str, status: int = 400) -> NoReturn:
    about: Any = {
        "Error": {"Code": code, "Message": "a text that names things of the account"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    raise ClientError(about, operation)


@cache
def _model() -> Any:
    return get_session().get_service_model("ec2")
