"""What stacks are made of, by logical id. CloudFormation deletes what a template no longer names, and makes anew what
it names otherwise: a table that is renamed by mistake is an empty one.

Where a change is meant: `python -m tests.infra.test_logical_ids` writes the list, and its difference is reviewed.
"""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from chalicelib.platform.context import Role
from infra.deployables import CORE
from infra.package import package
from infra.resolved import resolved, transformed
from infra.stacks import application_stack, further_stack, stateful_stack
from infra.stateful import stateful_template
from tests.infra.places import STACKS, US_EAST, parameters_of_the_application

LIST = Path(__file__).with_name("logical_ids.json")
NAMES = Path(__file__).with_name("names.json")

DEPLOYMENT = re.compile(r"^(RestAPIDeployment)[0-9a-f]{10}$")
"""A new one for each change of the API, named by its content: the list has its beginning only."""


def logical_ids(templates):
    """The type of every resource, by logical id, of each stack."""
    every = {"stateful": stateful_template(CORE, retain=True), **templates}
    return {
        name: {
            DEPLOYMENT.sub(r"\1", each): resource["Type"] for each, resource in sorted(template["Resources"].items())
        }
        for name, template in every.items()
    }


NAMED_BY = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Events::EventBus": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::KMS::Alias": "AliasName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::ApiGateway::RestApi": "Name",
    "AWS::ApiGatewayV2::Api": "Name",
}
"""The types whose names are ours, and the property that has it."""


def names(templates):
    """What is deployed to the stage ``dev`` is called, with a further stack ``west``: stacks, indexes of tables,
    functions, and all other resources that have a name of ours."""
    every = {"stateful": stateful_template(CORE, retain=True), **templates}
    given = parameters_of_the_application(stage="dev") | {"Name": "west"}
    found = {"stacks": [stateful_stack("dev"), application_stack("dev"), further_stack("dev", "west")]}
    for stack, template in every.items():
        resources = resolved(template, given, US_EAST)["Resources"].values()
        named = {(each["Type"], each["Properties"][NAMED_BY[each["Type"]]]) for each in resources if is_named(each)}
        found[stack] = {kind: sorted(name for of, name in named if of == kind) for kind, _ in sorted(named)}
        found[stack] |= {
            "indexes": {
                each["Properties"]["TableName"]: sorted(
                    index["IndexName"] for index in each["Properties"].get("GlobalSecondaryIndexes", ())
                )
                for each in resources
                if each["Type"] == "AWS::DynamoDB::Table"
            },
            "functions": sorted(
                each["Properties"]["Environment"]["Variables"]["FUNCTION_NAME"]
                for each in resources
                if each["Type"] == "AWS::Lambda::Function"
            ),
        }
    return found


def is_named(resource):
    return NAMED_BY.get(resource["Type"]) in resource.get("Properties", ())


def test_deployed_names_equal_the_recorded_ones(templates):
    """An installation of an earlier version is updated, not made anew."""
    known = json.loads(NAMES.read_text())

    assert names(templates) == known, "if this is meant: python -m tests.infra.test_logical_ids"


def test_logical_ids_equal_the_recorded_ones(templates):
    known = json.loads(LIST.read_text())
    now = logical_ids(templates)

    assert now == known, "if this is meant: python -m tests.infra.test_logical_ids, and look at the difference"


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        packages = {
            role: package(Path(folder) / role, "local", code_only=True, deployable=STACKS[role])[0] for role in Role
        }
    made = {role: transformed(template) for role, template in packages.items()}
    for path, content in ((LIST, logical_ids(made)), (NAMES, names(made))):
        path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
