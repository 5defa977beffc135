"""What a deployer may choose about the stacks: documented, checked, and with defaults that carry a fleet."""

import json
import re

import pytest

from chalicelib.platform.context import Role
from chalicelib.settings import Settings
from infra.apis import PUBLIC_KEYS_ROUTE, PUBLIC_ROUTES, fleet_routes
from infra.deployables import StackKind
from infra.package import ROOT
from infra.parameters import (
    OPTIONS,
    check_options,
    documented_settings,
    markdown_table,
    options_of,
    parameter_name,
)
from infra.resolved import resolved
from tests.bench.prices_agent import BEAT_SECONDS
from tests.infra.places import US_EAST, parameters_of_the_application

MACHINES = 140_000

ACCOUNT_RATE = 10_000
"""Requests a second that API Gateway takes from an account in most regions (API Gateway quotas)."""

NEW_SOCKETS = 500
"""New connections a second, as above."""


def rate(name):
    return int(OPTIONS[name].default)


def of_type(template, kind):
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def deployed(templates, role=Role.CORE, **options):
    return resolved(templates[role], parameters_of_the_application() | options, US_EAST)


def test_options_are_documented_in_operations():
    documented = (ROOT / "docs" / "operations.md").read_text()

    assert markdown_table() in documented, "run python -m infra.parameters, and put its table there"


def test_options_share_no_name_with_a_setting():
    assert not {*OPTIONS} & {*documented_settings()}


@pytest.mark.parametrize("role", Role)
def test_options_are_template_parameters_with_defaults(packages, role):
    for name, option in options_of(StackKind(role)).items():
        assert packages[role]["Parameters"][parameter_name(name)]["Default"] == option.default
    for name in {*OPTIONS} - {*options_of(StackKind(role))}:
        assert parameter_name(name) not in packages[role]["Parameters"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"MONTHLY_BUDGET_USD": "100"}, "ALARM_EMAIL"),
        ({"REST_DOMAIN_NAME": "edge.example.com"}, "REST_CERTIFICATE_ARN"),
        ({"WEBSOCKET_CERTIFICATE_ARN": "arn:aws:acm:x"}, "WEBSOCKET_DOMAIN_NAME"),
        ({"SUBNET_IDS": "subnet-1", "SECURITY_GROUP_IDS": ""}, "SECURITY_GROUP_IDS"),
    ],
)
def test_option_without_its_companion_is_refused(given, missing):
    with pytest.raises(ValueError, match=f"{missing} is not"):
        check_options(given)
    check_options({**given, missing: "x"})


def test_same_domain_name_for_both_apis_is_refused():
    given = {f"{api}_{what}": "x" for api in ("REST", "WEBSOCKET") for what in ("DOMAIN_NAME", "CERTIFICATE_ARN")}
    with pytest.raises(ValueError, match="are the same"):
        check_options(given)
    check_options({**given, "WEBSOCKET_DOMAIN_NAME": "y"})


class TestThrottles:
    """API Gateway holds each route to its limit by itself; only the account's quota is for all together."""

    def test_fleet_route_rate_lets_the_fleet_poll_within_half_the_account(self):
        polls = MACHINES / Settings(_env_file=None).poll_seconds

        assert 1.5 * polls <= rate("FLEET_ROUTES_RATE") <= ACCOUNT_RATE / 2

    def test_socket_rate_lets_the_fleet_reconnect_while_it_beats(self):
        assert 1.5 * max(MACHINES / BEAT_SECONDS, NEW_SOCKETS) < rate("SOCKET_ROUTES_RATE") <= ACCOUNT_RATE / 4

    def test_public_rate_lets_the_fleet_register_within_ten_minutes(self):
        assert MACHINES / rate("PUBLIC_ROUTES_RATE") < 600

    @pytest.mark.parametrize("role", Role)
    def test_throttles_are_on_every_route(self, templates, role):
        options = {"RoutesRate": "7", "FleetRoutesRate": "70", "PublicRoutesRate": "50"}
        settings = of_type(deployed(templates, role, **options), "AWS::ApiGateway::Stage")["RestAPIapiStage"]
        rates = {
            f"{each['HttpMethod']} {each['ResourcePath'][1:].replace('~1', '/')}": str(each["ThrottlingRateLimit"])
            for each in settings["MethodSettings"]
        }

        assert rates.pop("* *") == "7"
        assert rates["GET /api/v1/agents/command_executions"] == "70"
        assert rates["GET /api/v1/nodes/{node_id}/metrics/host/raw"] == "70"
        assert rates["POST /api/v1/agents/nodes"] == rates["POST /api/v1/agents/enrollment_keys/verify"] == "50"
        assert rates["POST /api/v1/clusters/default/enrollment_keys/public"] == "5"
        assert set(rates.values()) == {"70", "50", "5"}

    def test_throttles_cover_every_agent_route(self, packages):
        paths = packages[Role.CORE]["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
        every = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        agents = {(method, path) for method, path in every if path.startswith("/api/v1/agents/")}
        limited = {*fleet_routes(), *PUBLIC_ROUTES, PUBLIC_KEYS_ROUTE}

        assert limited <= every
        others = {"HEAD", "OPTIONS", "X-AMAZON-APIGATEWAY-ANY-METHOD"}  # answered without looking anything up
        assert {each for each in agents - limited if each[0] not in others} == set()

    def test_throttle_is_on_the_socket_routes(self, templates):
        [stage] = of_type(deployed(templates, SocketRoutesRate="9"), "AWS::ApiGatewayV2::Stage").values()

        assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": "9", "ThrottlingBurstLimit": "2000"}


class TestAccessLogs:
    @pytest.mark.parametrize("role", Role)
    def test_access_logs_name_caller_request_and_status(self, templates, role):
        made = deployed(templates, role)
        lines = [stage["AccessLogSetting"] for stage in of_type(made, "AWS::ApiGateway::Stage").values()]
        lines += [stage["AccessLogSettings"] for stage in of_type(made, "AWS::ApiGatewayV2::Stage").values()]

        assert len(lines) == (2 if role is Role.CORE else 1)
        for line in lines:
            assert {"requestId", "ip", "route", "status", "latency"} <= set(json.loads(line["Format"]))
            assert ":log-group:/edge-admin/" in line["DestinationArn"]

    def test_access_logs_hold_no_field_that_carries_a_key(self, templates):
        made = deployed(templates)
        [rest] = of_type(made, "AWS::ApiGateway::Stage").values()
        [sockets] = of_type(made, "AWS::ApiGatewayV2::Stage").values()
        said = rest["AccessLogSetting"]["Format"] + sockets["AccessLogSettings"]["Format"]

        for part in ("authorizer", "header", "query", "params", 'path"', "identity.apiKey", "protocol"):
            assert part not in said

    @pytest.mark.parametrize(("choice", "logs", "role"), [("on", 1, 1), ("existing-role", 1, 0), ("off", 0, 0)])
    def test_access_logs_and_account_role_follow_the_option(self, templates, choice, logs, role):
        made = deployed(templates, ApiAccessLogs=choice)
        [stage] = of_type(made, "AWS::ApiGateway::Stage").values()

        assert ("AccessLogSetting" in stage) == logs
        assert len(of_type(made, "AWS::ApiGateway::Account")) == role
        assert ("ApiLogsRole" in made["Resources"]) == role

    def test_access_logs_depend_on_the_account_role(self, templates):
        """CloudFormation makes a log group after what its tags name, and a stage after its log group."""
        groups = of_type(deployed(templates), "AWS::Logs::LogGroup")

        for name in ("RestAccessLogs", "SocketAccessLogs"):
            assert groups[name]["Tags"] == [{"Key": "edge-admin:written-by", "Value": "ApiLogsAccount"}]


class TestNames:
    def test_endpoint_names_are_generated_by_default(self, templates):
        made = deployed(templates)

        assert made["Outputs"]["EndpointURL"]["Value"] == "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/api/"
        assert made["Outputs"]["WebsocketURL"]["Value"] == "wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/api"

    def test_custom_domain_names_are_given_to_agents_with_their_targets(self, templates):
        made = deployed(
            templates,
            RestDomainName="edge.example.com",
            RestCertificateArn="arn:1",
            WebsocketDomainName="sockets.example.com",
            WebsocketCertificateArn="arn:2",
        )
        variables = of_type(made, "AWS::Lambda::Function")["APIHandler"]["Environment"]["Variables"]

        assert made["Outputs"]["EndpointURL"]["Value"] == "https://edge.example.com/"
        assert variables["WEBSOCKET_URL"] == "wss://sockets.example.com"
        assert variables["WEBSOCKET_MANAGEMENT_URL"].startswith("https://a1b2c3d4e5.execute-api.")
        assert made["Outputs"]["RestDomainTarget"]["Value"] == "RestDomain.RegionalDomainName"
        assert made["Outputs"]["SocketDomainTarget"]["Value"] == "SocketDomain.RegionalDomainName"
        [rest] = of_type(made, "AWS::ApiGateway::BasePathMapping").values()
        [sockets] = of_type(made, "AWS::ApiGatewayV2::ApiMapping").values()
        assert (rest["Stage"], sockets["Stage"]) == ("api", "api")

    def test_configured_url_wins_over_a_domain_name(self, templates):
        made = deployed(
            templates, WebsocketUrl="wss://front.example", WebsocketDomainName="x", WebsocketCertificateArn="arn:2"
        )

        assert made["Outputs"]["WebsocketURL"]["Value"] == "wss://front.example"

    def test_further_stack_may_have_a_domain_name_for_its_api(self, templates):
        made = deployed(templates, Role.FURTHER, RestDomainName="west.example.com", RestCertificateArn="arn:1")

        assert made["Outputs"]["EndpointURL"]["Value"] == "https://west.example.com/"
        assert of_type(made, "AWS::ApiGatewayV2::DomainName") == {}


class TestFirewall:
    @pytest.mark.parametrize("role", Role)
    def test_firewall_limits_each_address_and_public_routes_more(self, templates, role):
        made = deployed(templates, role, Firewall="on", FirewallRequests="5000", FirewallPublicRequests="50")
        [acl] = of_type(made, "AWS::WAFv2::WebACL").values()
        public, everything = [rule["Statement"]["RateBasedStatement"] for rule in acl["Rules"]]

        assert (public["Limit"], everything["Limit"]) == ("50", "5000")
        assert {public["AggregateKeyType"], everything["AggregateKeyType"]} == {"IP"}
        assert "ScopeDownStatement" not in everything
        pattern = public["ScopeDownStatement"]["RegexMatchStatement"]["RegexString"]
        for _, path in (*PUBLIC_ROUTES, PUBLIC_KEYS_ROUTE):
            for prefix, end in (("", ""), ("/api", "/")):
                assert re.search(pattern, f"{prefix}{path}{end}")
        assert not re.search(pattern, "/api/api/v1/agents/nodes/9b2f/command_executions")

    def test_firewall_is_associated_with_the_deployed_stage(self, templates):
        [association] = of_type(deployed(templates, Firewall="on"), "AWS::WAFv2::WebACLAssociation").values()

        assert association["ResourceArn"] == "arn:aws:apigateway:us-east-1::/restapis/a1b2c3d4e5/stages/api"


class TestListeners:
    def test_alarms_reach_the_configured_address(self, templates):
        [subscription] = of_type(deployed(templates, AlarmEmail="a@example.com"), "AWS::SNS::Subscription").values()

        assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "a@example.com")
        assert subscription["TopicArn"].startswith("arn:aws:sns:")

    def test_budget_notifies_the_same_address(self, templates):
        [budget] = of_type(
            deployed(templates, AlarmEmail="a@example.com", MonthlyBudgetUsd="250"), "AWS::Budgets::Budget"
        ).values()

        assert budget["Budget"]["BudgetLimit"] == {"Amount": "250", "Unit": "USD"}
        told = {each["Address"] for one in budget["NotificationsWithSubscribers"] for each in one["Subscribers"]}
        assert told == {"a@example.com"}

    def test_budget_without_an_address_is_not_made(self, templates):
        assert of_type(deployed(templates, MonthlyBudgetUsd="250"), "AWS::Budgets::Budget") == {}


def test_things_that_no_row_wants_raise_an_alarm(templates):
    made = deployed(templates)
    filtered, ringing = (
        of_type(made, "AWS::Logs::MetricFilter")["StrangersFilter"],
        of_type(made, "AWS::CloudWatch::Alarm")["StrangersAlarm"],
    )
    [metric] = filtered["MetricTransformations"]
    assert filtered["FilterPattern"] == '{ $.event = "stranger" }'
    assert (ringing["Namespace"], ringing["MetricName"]) == (metric["MetricNamespace"], metric["MetricName"])
    assert (ringing["Period"], ringing["Threshold"], ringing["ComparisonOperator"]) == (3600, 0, "GreaterThanThreshold")


class TestAlarmsOfTheApis:
    def test_responses_5xx_and_429_of_each_api_raise_an_alarm(self, templates):
        for role in Role:
            made = deployed(templates, role)
            alarms = of_type(made, "AWS::CloudWatch::Alarm")
            failures, refusals = alarms["RestFailuresAlarm"], alarms["RateLimitedAlarm"]
            [named] = of_type(made, "AWS::ApiGateway::RestApi").values()
            counted = of_type(made, "AWS::Logs::MetricFilter")["RateLimitedFilter"]
            [metric] = counted["MetricTransformations"]

            assert failures["MetricName"] == "5XXError"
            assert {"Name": "ApiName", "Value": named["Name"]} in failures["Dimensions"]
            assert named["Body"]["info"]["title"] == named["Name"]
            assert (refusals["Namespace"], refusals["MetricName"]) == (metric["MetricNamespace"], metric["MetricName"])
            assert counted["FilterPattern"] == '{ $.status = "429" }'

    def test_names_of_apis_differ_so_metrics_are_separate(self, templates):
        names = {
            each["Name"]
            for role in Role
            for each in of_type(deployed(templates, role), "AWS::ApiGateway::RestApi").values()
        }
        assert len(names) == 2

    def test_failed_socket_calls_raise_an_alarm(self, templates):
        alarms = of_type(deployed(templates), "AWS::CloudWatch::Alarm")

        assert alarms["SocketExecutionErrorAlarm"]["Dimensions"][0] == {"Name": "ApiId", "Value": "a1b2c3d4e5"}
        assert "SocketIntegrationErrorAlarm" in alarms

    def test_dropped_recursive_invocations_raise_an_alarm(self, templates):
        alarms = of_type(deployed(templates), "AWS::CloudWatch::Alarm").values()
        watched = [
            each["Dimensions"][0]["Value"] for each in alarms if each["MetricName"] == "RecursiveInvocationsDropped"
        ]

        assert sorted(watched) == ["DoTimelyWork", "Meter", "PublishEvents", "SendMails"]
