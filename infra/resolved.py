"""Resolves templates as CloudFormation does: transformed by SAM, with every intrinsic function and parameter evaluated.
For checks of sizes, names and policies in a given stage, region and partition. Values that AWS chooses (ids of APIs,
parts of ARNs) are replaced by values of the usual length.
"""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

Json = dict[str, Any]

ACCOUNT = "123456789012"
ID = "a1b2c3d4e5"
"""An id in the form of API Gateway's."""

_NOTHING = object()


@dataclass(frozen=True)
class Location:
    """The account, region and partition of a deployment."""

    region: str = "us-east-1"
    partition: str = "aws"
    suffix: str = "amazonaws.com"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{ACCOUNT}:{resource}"


def transformed(template: Json) -> Json:
    """The template after the SAM transform, with placeholder S3 locations for packages."""
    source = copy.deepcopy(template)
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    session = boto3.Session(region_name="us-east-1")  # it does not appear in the result
    result: Json = Translator({}, Parser(), boto_session=session).translate(source, parameter_values={})
    return result


def resolved(template: Json, parameters: Mapping[str, str], location: Location) -> Json:
    """The ``Resources`` and ``Outputs``, with intrinsic functions evaluated and without the parts that a condition
    excludes. Raises KeyError for a parameter without value or default, and for an unknown name."""
    return _Resolver(template, parameters, location).result()


class _Resolver:
    def __init__(self, template: Json, parameters: Mapping[str, str], location: Location) -> None:
        self._template = template
        self._location = location
        self._parameters: Json = {}
        for name, each in template.get("Parameters", {}).items():
            text = parameters[name] if name in parameters else each["Default"]
            self._parameters[name] = text.split(",") if each["Type"] == "CommaDelimitedList" else text

    def result(self) -> Json:
        parts = {}
        for part in ("Resources", "Outputs"):
            kept = {
                name: each
                for name, each in self._template.get(part, {}).items()
                if "Condition" not in each or self._holds(each["Condition"])
            }
            parts[part] = {name: self._value(each) for name, each in kept.items()}
        return parts

    def _holds(self, condition: str) -> bool:
        return bool(self._value(self._template["Conditions"][condition]))

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self._value, value) if each is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
            if name == "Condition" and isinstance(argument, str):
                return self._holds(argument)
        return {
            name: each
            for name, each in zip(value, map(self._value, value.values()), strict=True)
            if each is not _NOTHING
        }

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._reference(argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case "Fn::Sub":
                return self._substituted(argument)
            case "Fn::If":
                return self._value(argument[1 if self._holds(argument[0]) else 2])
            case "Fn::Join":
                return argument[0].join(self._value(argument[1]))
            case "Fn::Select":
                index, values = argument
                return self._value(values)[int(index)]
            case "Fn::Split":
                separator, text = argument
                return str(self._value(text)).split(separator)
        return self._comparison(name, self._value(argument))

    def _comparison(self, name: str, values: Any) -> bool:
        match name:
            case "Fn::Equals":
                left, right = values
                return bool(left == right)
            case "Fn::Not":
                return not values[0]
            case "Fn::And":
                return all(values)
            case "Fn::Or":
                return any(values)
        raise KeyError(name)

    def _substituted(self, argument: Any) -> str:
        text, names = argument if isinstance(argument, list) else (argument, {})
        own = self._value(names)

        def known(found: re.Match[str]) -> str:
            name = found[1]
            if name in own:
                return str(own[name])
            return str(self._attribute(*name.split(".")) if "." in name else self._reference(name))

        return re.sub(r"\$\{([^!}]+)\}", known, text)

    def _reference(self, name: str) -> Any:
        location = self._location
        pseudo = {
            "AWS::Region": location.region,
            "AWS::Partition": location.partition,
            "AWS::URLSuffix": location.suffix,
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": _NOTHING,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self._parameters:
            return self._parameters[name]
        resource = self._template["Resources"][name]
        match resource["Type"]:
            case "AWS::SQS::Queue":
                queue = self._named(name, "QueueName")
                return f"https://sqs.{location.region}.{location.suffix}/{ACCOUNT}/{queue}"
            case "AWS::SNS::Topic":
                return location.arn("sns", self._named(name, "TopicName"))
            case "AWS::ApiGateway::RestApi" | "AWS::ApiGatewayV2::Api":
                return ID
            case "AWS::ApiGateway::Stage" | "AWS::ApiGatewayV2::Stage":
                return resource["Properties"]["StageName"]
            case "AWS::Events::EventBus":
                return self._named(name, "Name")
            case _:
                return name

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self._template["Resources"][name]["Type"]
        location = self._location
        match kind, attribute:
            case "AWS::DynamoDB::Table", "StreamArn":
                return location.arn(
                    "dynamodb", f"table/{self._named(name, 'TableName')}/stream/2026-01-01T00:00:00.000"
                )
            case "AWS::SQS::Queue", "Arn":
                return location.arn("sqs", self._named(name, "QueueName"))
            case "AWS::SQS::Queue", "QueueName":
                return self._named(name, "QueueName")
            case "AWS::Logs::LogGroup", "Arn":
                return location.arn("logs", f"log-group:{self._named(name, 'LogGroupName')}:*")
            case "AWS::Events::EventBus", "Arn":
                return location.arn("events", f"event-bus/{self._named(name, 'Name')}")
            case "AWS::S3::Bucket", "Arn":
                return f"arn:{location.partition}:s3:::{name.lower()}"
            case "AWS::KMS::Key", "Arn":
                return location.arn("kms", "key/01234567-89ab-cdef-0123-456789abcdef")
            case "AWS::SecretsManager::Secret", "Id":
                return location.arn("secretsmanager", f"secret:{self._named(name, 'Name')}-AbCdEf")
            case _:
                return f"{name}.{attribute}"

    def _named(self, name: str, property_name: str) -> str:
        return str(self._value(self._template["Resources"][name]["Properties"][property_name]))
