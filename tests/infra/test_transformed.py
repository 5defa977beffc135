"""The templates as CloudFormation makes them, without what SAM adds."""

import pytest

from chalicelib.platform.context import Role, ScheduleSource
from infra.deployables import CORE
from infra.parameters import documented_settings, parameter_name
from infra.resolved import ACCOUNT, resolved
from infra.stateful import stream_parameter
from tests.infra.places import PLACES, STACKS, STAGE, parameters_of_the_application


def of_type(template, kind):
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def functions(template):
    return of_type(template, "AWS::Lambda::Function")


@pytest.mark.parametrize("role", Role)
def test_each_api_has_one_public_stage(templates, role):
    stages = of_type(templates[role], "AWS::ApiGateway::Stage")
    deployments = of_type(templates[role], "AWS::ApiGateway::Deployment")

    assert [stage["StageName"] for stage in stages.values()] == ["api"]
    assert not [each for each in deployments.values() if "StageName" in each]
    sockets = of_type(templates[role], "AWS::ApiGatewayV2::Stage")
    assert [stage["StageName"] for stage in sockets.values()] == (["api"] if role is Role.CORE else [])


def test_websocket_route_changes_are_deployed_automatically(templates):
    [stage] = of_type(templates[Role.CORE], "AWS::ApiGatewayV2::Stage").values()

    assert stage["AutoDeploy"] is True
    assert "DeploymentId" not in stage
    assert of_type(templates[Role.CORE], "AWS::ApiGatewayV2::Deployment") == {}
    routes = of_type(templates[Role.CORE], "AWS::ApiGatewayV2::Route")
    assert {*routes} <= {*templates[Role.CORE]["Resources"]["WebsocketAPIStage"]["DependsOn"]}


def test_stream_has_one_mapping_named_by_its_table(templates):
    mappings = {
        name: each["EventSourceArn"]["Ref"]
        for name, each in of_type(templates[Role.CORE], "AWS::Lambda::EventSourceMapping").items()
        if each["FunctionName"] == {"Ref": "RelayChanges"}
    }

    assert mappings == {
        f"RelayChangesRelayChanges{stream_parameter(table)}": stream_parameter(table)
        for table in CORE.tables
        if table.stream
    }


@pytest.mark.parametrize("role", Role)
def test_functions_run_on_the_runtime_of_the_packaged_wheels(templates, role):
    assert {each["Runtime"] for each in functions(templates[role]).values()} == {"python3.13"}


@pytest.mark.parametrize("role", Role)
def test_functions_that_queue_to_themselves_may_recurse(templates, role):
    """Lambda stops a chain through SQS after 16 turns unless the function says that it means it."""
    allowed = {name for name, each in functions(templates[role]).items() if each.get("RecursiveLoop") == "Allow"}

    assert allowed == {each.resource for each in STACKS[role].functions if STACKS[role].is_in_a_loop(each)}


@pytest.mark.parametrize("each", [one for one in CORE.functions if isinstance(one.source, ScheduleSource)])
def test_failed_schedule_is_not_retried_and_expires_soon(templates, each):
    [config] = [
        config
        for config in of_type(templates[Role.CORE], "AWS::Lambda::EventInvokeConfig").values()
        if config["FunctionName"] == {"Ref": each.resource}
    ]

    [target] = of_type(templates[Role.CORE], "AWS::Events::Rule")[f"{each.resource}{each.resource}Event"]["Targets"]

    once = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 3600 if each.source.is_rare else 60}
    assert {name: config[name] for name in once} == target["RetryPolicy"] == once


def test_apis_of_the_core_outlive_their_stack_and_those_of_further_ones_do_not(templates):
    def kept(role):
        return {name for name, each in templates[role]["Resources"].items() if each.get("DeletionPolicy") == "Retain"}

    core = {name for name in kept(Role.CORE) if not name.startswith("RestAPIDeployment")}
    assert core == {"RestAPI", "RestAPIapiStage", "WebsocketAPI", "ApiLogsRole", "ApiLogsAccount"}
    assert kept(Role.FURTHER) == set()


def test_optional_resources_are_off_by_default(templates):
    place = PLACES[0]
    plain = resolved(templates[Role.CORE], parameters_of_the_application(place), place)
    kinds = {each["Type"] for each in plain["Resources"].values()}

    assert not {kind for kind in kinds if "WAF" in kind or "Budget" in kind or "Domain" in kind or "SNS" in kind}
    assert not [each for each in functions(plain).values() if "VpcConfig" in each]
    assert "ReservedConcurrentExecutions" not in functions(plain)["APIHandler"]


def test_settings_given_as_parameters_are_function_variables(templates):
    place = PLACES[0]
    given = {parameter_name(name): f"value of {name}" for name in documented_settings()}
    parameters = parameters_of_the_application(place) | given
    for properties in functions(resolved(templates[Role.CORE], parameters, place)).values():
        variables = properties["Environment"]["Variables"]
        assert {name: variables[name] for name in documented_settings()} == {
            name: f"value of {name}" for name in documented_settings()
        }
        assert variables["QUEUE_URL_PREFIX"] == f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/edge-admin-{STAGE}-"
