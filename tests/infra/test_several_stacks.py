"""What a further stack is packaged with: nothing that only the core may have, and grants no wider than its own."""

import json
import subprocess
import sys

import pytest

from chalicelib.platform.context import Role
from infra.deployables import CORE, FURTHER
from infra.fragment import fragment
from infra.further import (
    NAME_PATTERN,
    OWN_QUEUES,
    OWN_SETTINGS,
    WEBSOCKET_API,
    check_name,
    settings_of,
    urls_for_agents,
)
from infra.local.transform import local_template
from infra.package import ROOT
from infra.parameters import documented_settings, parameter_name
from infra.stacks import Stacks, application_stack, further_stack, stateful_stack
from infra.stateful import stateful_template
from tests.infra.places import STACKS
from tests.infra.roles import statements_of

OURS = FURTHER.functions


@pytest.fixture(scope="module")
def further(packages):
    """As it goes to AWS."""
    return packages[Role.FURTHER]


@pytest.fixture(scope="module")
def core():
    """What is merged into Chalice's template."""
    return fragment(CORE)


def of_type(template, kind):
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


def events_of(template):
    functions = of_type(template, "AWS::Serverless::Function").values()
    return [event for each in functions for event in each["Properties"].get("Events", {}).values()]


def references(value):
    """Every logical id and parameter that a part of a template names."""
    if isinstance(value, list):
        return {name for each in value for name in references(each)}
    if not isinstance(value, dict):
        return set()
    found = {value["Ref"]} if "Ref" in value else set()
    found |= {value["Fn::GetAtt"][0]} if "Fn::GetAtt" in value else set()
    if isinstance(value.get("Fn::Sub"), str):
        found |= {part.split("}")[0].split(".")[0] for part in value["Fn::Sub"].split("${")[1:]}
    return found | {name for each in value.values() for name in references(each)}


class TestWhatItIs:
    def test_further_stack_has_an_api_a_heartbeat_and_deliveries(self, further):
        functions = of_type(further, "AWS::Serverless::Function")
        assert set(functions) == {"APIHandler", "Heartbeat", "DeliverCommands"} == {each.resource for each in OURS}
        assert len(of_type(further, "AWS::Serverless::Api")) == 1

    def test_further_stack_reads_no_stream(self, core, further):
        kinds = [event["Type"] for event in events_of(further)]
        assert sorted(kinds) == ["SQS", "Schedule"]
        streams = core["Resources"]["RelayChanges"]["Properties"]["Events"]
        assert len(streams) == len([table for table in CORE.tables if table.stream])
        assert not [name for name in further["Parameters"] if name.endswith("StreamArn")]

    def test_heartbeat_is_the_only_schedule_of_a_further_stack(self, further):
        assert further["Resources"]["Heartbeat"]["Properties"]["Events"].keys() == {"HeartbeatEvent"}

    def test_further_stack_consumes_its_own_queue_only(self, further):
        (event,) = [event for event in events_of(further) if event["Type"] == "SQS"]
        assert event["Properties"]["Queue"] == {"Fn::GetAtt": ["DeliveryQueue", "Arn"]}
        assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

    def test_further_stack_has_no_socket_api_and_knows_the_cores(self, further):
        assert not [name for name in further["Resources"] if name.startswith("Websocket")]
        variables = further["Globals"]["Function"]["Environment"]["Variables"]
        for name in ("WEBSOCKET_URL", "WEBSOCKET_MANAGEMENT_URL"):
            assert references(variables[name]) >= {WEBSOCKET_API}
        assert WEBSOCKET_API in further["Parameters"]

    def test_only_a_further_stack_names_its_delivery_queue(self, core, further):
        variables = [each["Globals"]["Function"]["Environment"]["Variables"] for each in (core, further)]
        assert "DELIVERY_QUEUE_URL" not in variables[0]
        assert variables[1]["DELIVERY_QUEUE_URL"] == {"Ref": "DeliveryQueue"}

    def test_further_template_references_only_what_exists(self, further):
        known = {*further["Resources"], *further["Parameters"]}
        unknown = {name for name in references(further) - known if not name.startswith(("AWS::", "RestAPI."))}
        assert unknown == set()

    def test_name_parameter_has_the_pattern_of_the_name_check(self, further):
        assert further["Parameters"]["Name"]["AllowedPattern"] == NAME_PATTERN

    def test_required_parameters_are_known_to_the_deployment(self, further):
        required = {name for name, each in further["Parameters"].items() if "Default" not in each}
        stateful = stateful_template(CORE, retain=True)["Outputs"]
        assert required - set(stateful) == {"Stage", "Name", WEBSOCKET_API}

    def test_local_template_of_a_further_stack_has_its_functions(self, further):
        local = local_template(
            further,
            websocket_url="ws://127.0.0.1:1/agent",
            endpoint_of=lambda _name: "http://x",
            variables={},
            deployable=FURTHER,
        )
        assert of_type(local, "AWS::Serverless::Function").keys() == {each.resource for each in OURS}
        assert [event["Properties"]["Enabled"] for event in events_of(local) if event["Type"] == "Schedule"] == [False]


class TestQueues:
    def test_further_delivery_dead_letters_are_kept_and_raise_an_alarm(self, further):
        queues = of_type(further, "AWS::SQS::Queue")
        redrive = queues["DeliveryQueue"]["Properties"]["RedrivePolicy"]
        assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeliveryDeadQueue", "Arn"]}
        alarms = of_type(further, "AWS::CloudWatch::Alarm")
        (alarm,) = [each for name, each in alarms.items() if name.endswith("DeadQueueAlarm")]
        assert alarm["Properties"]["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["DeliveryDeadQueue", "QueueName"]}

    def test_further_delivery_message_is_hidden_for_six_timeouts(self, further):
        function = next(each for each in OURS if each.name == "deliver_commands")
        visibility = further["Resources"]["DeliveryQueue"]["Properties"]["VisibilityTimeout"]
        assert visibility == 6 * function.timeout_seconds

    @pytest.mark.parametrize("resource", ["DeliveryQueue", "DeliveryDeadQueue"])
    def test_queue_names_differ_by_stack_and_fit_into_sqs(self, further, resource):
        name = further["Resources"][resource]["Properties"]["QueueName"]["Fn::Sub"]
        assert "${Name}" in name
        assert len(name.replace("${Stage}", "s" * 16).replace("${Name}", "n" * 16)) <= 80

    def test_owner_queue_pattern_matches_owner_queues_only(self, further):
        name = further["Resources"]["DeliveryQueue"]["Properties"]["QueueName"]["Fn::Sub"]
        dead = further["Resources"]["DeliveryDeadQueue"]["Properties"]["QueueName"]["Fn::Sub"]
        begin, end = OWN_QUEUES.split("*")
        assert name.startswith(begin)
        assert name.endswith(end)
        assert not dead.endswith(end)
        cores = [f"edge-admin-${{Stage}}-{queue}" for queue in CORE.queues]
        assert not [queue for queue in cores if queue.startswith(begin)]


class TestGrants:
    def test_grants_are_the_cores_except_for_the_consumed_queue(self, core, further):
        for each in OURS:
            ours, cores = statements_of(further, each.role), statements_of(core, each.role)
            different = [one for one in ours if one not in cores]
            of_its_queue = [one for one in different if references(one) <= {"DeliveryQueue"}]
            assert different == of_its_queue
            assert len(of_its_queue) == (each.name == "deliver_commands")

    def test_further_stack_may_not_consume_the_cores_queue(self, further):
        (taking,) = [
            one for one in statements_of(further, "DeliverCommandsRole") if "sqs:ReceiveMessage" in one["Action"]
        ]
        assert taking["Resource"] == {"Fn::GetAtt": ["DeliveryQueue", "Arn"]}

    def test_every_role_of_a_further_stack_has_its_function(self, further):
        assert set(of_type(further, "AWS::IAM::Role")) == {each.role for each in OURS}

    def test_only_functions_that_hand_work_over_may_send_to_owners(self, core):
        may = {each.name for each in CORE.functions if OWN_QUEUES in json.dumps(statements_of(core, each.role))}
        assert may == {"relay_changes", "clean_up", "trigger_updates", "api_handler", "websocket_message"}


class TestNetwork:
    @pytest.mark.parametrize("role", Role)
    def test_functions_that_reach_nodes_are_in_the_configured_network(self, role):
        resources, functions = fragment(STACKS[role])["Resources"], STACKS[role].functions
        placed = {each.name for each in functions if "VpcConfig" in resources[each.resource]["Properties"]}
        may = {
            each.name
            for each in functions
            if "InNetwork" in str(resources[each.role]["Properties"].get("ManagedPolicyArns"))
        }
        mesh = {"settle_vpn"} if role is Role.CORE else set()
        assert placed == may == {"api_handler", "deliver_commands"} | mesh

    def test_functions_are_in_no_network_by_default(self, further):
        assert further["Parameters"]["SubnetIds"]["Default"] == ""
        placed = further["Resources"]["DeliverCommands"]["Properties"]["VpcConfig"]
        (attached,) = further["Resources"]["DeliverCommandsRole"]["Properties"]["ManagedPolicyArns"]
        for part in (placed, attached):
            condition, _, otherwise = part["Fn::If"]
            assert condition in further["Conditions"]
            assert otherwise == {"Ref": "AWS::NoValue"}


class TestSettings:
    def test_further_settings_are_the_cores_except_for_its_own(self):
        core = {"CoreName": "berlin", "PollSeconds": "30", "PushEnabled": "true", "AdminMaxWireguardPeers": "250"}
        settings = settings_of("far", core, {"PUSH_HOST": "10.0.0.1", "POLL_SECONDS": "5"})
        assert settings == {
            "ADMIN_NAME": "admin-far",
            "CORE_NAME": "berlin",
            "POLL_SECONDS": "30",
            "PUSH_HOST": "10.0.0.1",
        }

    @pytest.mark.parametrize(
        ("core", "url"),
        [
            ({}, None),
            ({"WebsocketDomainName": "sockets.example.com"}, "wss://sockets.example.com"),
            ({"WebsocketDomainName": "sockets.example.com", "WebsocketUrl": "wss://x.example"}, "wss://x.example"),
        ],
    )
    def test_further_socket_url_is_the_cores_under_its_own_name(self, core, url):
        assert settings_of("far", core, {}).get("WEBSOCKET_URL") == url

    @pytest.mark.parametrize(
        ("core", "environment"),
        [
            ({"CoreName": "far"}, {}),
            ({"AdminName": "admin-far"}, {}),
            ({"CoreName": "berlin"}, {"ADMIN_NAME": "admin-berlin"}),
            ({}, {"ADMIN_NAME": "admin-default"}),
        ],
    )
    def test_further_stack_with_the_cores_name_is_refused(self, core, environment):
        with pytest.raises(ValueError, match="is the core's name"):
            settings_of("far", core, environment)

    def test_own_settings_are_documented_settings(self):
        assert set(documented_settings()) >= OWN_SETTINGS

    @pytest.mark.parametrize("name", ["", "Far", "far-away", "1st", "f" * 17, "far "])
    def test_stack_name_that_no_queue_can_have_is_refused(self, name):
        with pytest.raises(ValueError, match="NAME"):
            check_name(name)

    def test_state_application_and_further_stack_names_differ(self):
        check_name("state")
        names = {stateful_stack("dev"), application_stack("dev"), further_stack("dev", "state")}
        assert len(names) == 3


def test_further_agents_get_their_own_and_the_cores_urls():
    core = {"AdminUrls": "https://a,https://b", "PublicUrl": "https://c"}
    assert urls_for_agents("https://own", core) == "https://own,https://a,https://b"
    assert urls_for_agents("https://own", {}) == "https://own"


def test_parameters_of_a_deployed_stack_are_read():
    class Described:
        def describe_stacks(self, *, StackName):  # noqa: N803 - boto3's name
            parameters = [{"ParameterKey": parameter_name("CORE_NAME"), "ParameterValue": StackName}]
            return {"Stacks": [{"Parameters": parameters}]}

    assert Stacks(Described(), {}).parameters("core") == {"CoreName": "core"}


def test_invalid_stack_name_is_refused_before_aws_is_called():
    command = [sys.executable, "-m", "infra.deploy", "--stage", "dev", "--role", "further", "--name", "Far"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert "NAME of a further stack has to match" in done.stderr
