"""Adapts the application's template to the local cloud, in no more than is necessary."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.web.application import ANY
from infra.apis import BINARY_TYPES
from infra.deployables import CORE, Deployable
from infra.functions import API_STAGE, function
from infra.policies import documents_of

Json = dict[str, Any]


METHODS = ("delete", "get", "head", "options", "patch", "post", "put")

CONCURRENCY = 2
"""The concurrency of a queue's function. Each invocation is a process; more would compete for the processors of one
machine."""

WAITING_CONCURRENCY = 8
"""The concurrency of the function that calls webhooks, so that a receiver that hangs does not block the others."""


def local_template(
    packaged: Json,
    *,
    websocket_url: str,
    endpoint_of: Callable[[str], str],
    variables: Mapping[str, str],
    deployable: Deployable = CORE,
) -> Json:
    """A copy of that stack's template for the emulator. ``endpoint_of`` says where a function reaches the AWS APIs,
    ``variables`` are those that only functions of a local cloud have.

    It knows no route for whatever method a path does not declare (each method gets its own) and neither gateway
    responses nor binary types in the API's body; agents come through the proxy; the runner calls the sweeps itself, so
    the schedules are off. It checks a batch of messages as an action of its own, where AWS checks sqs:SendMessage, and
    does not tell policies for what purpose KMS is asked, nor of what things EC2 is.
    """
    template = copy.deepcopy(packaged)
    resources = template["Resources"] = local_state(template)["Resources"]
    _spell_out_methods(resources)
    _move_gateway_responses(resources)
    _move_binary_types(resources)
    _adapt_policies(resources)
    for name, resource in resources.items():
        copies = WAITING_CONCURRENCY if name == function("deliver_webhook").resource else CONCURRENCY
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "Schedule":
                event["Properties"]["Enabled"] = False
            if event["Type"] == "SQS":
                event["Properties"]["ScalingConfig"]["MaximumConcurrency"] = copies
    template["Globals"]["Function"]["Environment"]["Variables"] |= {"WEBSOCKET_URL": websocket_url, **variables}
    for each in deployable.functions:
        endpoint = endpoint_of(each.name)
        management = f"{endpoint}/_aws/execute-api/${{WebsocketAPI}}/{API_STAGE}"
        own = {"AWS_ENDPOINT_URL": endpoint, "WEBSOCKET_MANAGEMENT_URL": {"Fn::Sub": management}}
        resources[each.resource]["Properties"]["Environment"]["Variables"] |= own
    return template


def local_state(template: Json) -> Json:
    """A copy of the stateful template for the emulator, which has no TLS."""
    policies = ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy")
    resources = {name: each for name, each in template["Resources"].items() if each["Type"] not in policies}
    return {**template, "Resources": resources}


def _adapt_policies(resources: Json) -> None:
    for resource in resources.values():
        for document in documents_of(resource):
            for statement in document["Statement"]:
                if "sqs:SendMessage" in statement["Action"]:
                    statement["Action"].append("sqs:SendMessageBatch")
                if any(action.startswith("kms:") for action in statement["Action"]):
                    del statement["Condition"]
                if any(action.startswith("ec2:") for action in statement["Action"]):
                    statement["Resource"] = "*"
                    statement.pop("Condition", None)


def _spell_out_methods(resources: Json) -> None:
    """Replaces the catch-all route of a path by a route for each method that it does not declare."""
    for path in resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"].values():
        if operation := path.pop(ANY.lower(), None):
            path |= {method: operation for method in METHODS if method not in path}


def _move_binary_types(resources: Json) -> None:
    """From the body's extension into the property of the API."""
    properties = resources["RestAPI"]["Properties"]
    if types := properties["DefinitionBody"].pop(BINARY_TYPES, None):
        properties["BinaryMediaTypes"] = types


def _move_gateway_responses(resources: Json) -> None:
    """From the body's extension into resources of their own."""
    responses = resources["RestAPI"]["Properties"]["DefinitionBody"].pop("x-amazon-apigateway-gateway-responses")
    for kind, response in responses.items():
        properties = {
            "RestApiId": {"Ref": "RestAPI"},
            "ResponseType": kind,
            "ResponseTemplates": response["responseTemplates"],
            "ResponseParameters": response["responseParameters"],
            **({"StatusCode": response["statusCode"]} if "statusCode" in response else {}),
        }
        name = f"GatewayResponse{kind.title().replace('_', '')}"
        resources[name] = {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": properties}
