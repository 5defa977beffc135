"""Families as deployables: stacks of their own, on the platform's and the fleet's."""

import dataclasses
import json
from collections import Counter

import pytest

from chalicelib import families
from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.kit.errors import rate_limited
from chalicelib.platform.context import BATCH_GET, GET, UPDATE, Family, HttpSource
from chalicelib.platform.family import FAMILY as PLATFORM
from infra.deployables import CORE, FURTHER, TAKEN, check_family, chosen, deployables
from infra.fragment import fragment
from infra.functions import FAMILIES, functions_in
from infra.grants import grants_in
from infra.lint import of_policies, of_templates
from infra.package import write_stateful
from infra.policies import PARTS
from infra.queues import queue_parameter
from infra.rights import types
from infra.stacks import application_stack, stateful_stack
from infra.stateful import stateful_template, to_compact_json
from tests.infra.places import parameters_of_the_application
from tests.infra.roles import statements_of
from tests.infra.toy import CONTEXT, CORE_BESIDE, DEPLOYABLE, FAMILY, MADE, PLAYED, TOYS

BY_DEFAULT = [each.name for each in families.chosen("")]

DEPLOYED = [each for each in FAMILIES if each is not PLATFORM]


@pytest.fixture(scope="module")
def stateful():
    return stateful_template(DEPLOYABLE, retain=True)


@pytest.fixture(scope="module")
def application(every_package):
    return every_package["toys"]


def of_type(template, kind):
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def resources_with(statements, action):
    found = [each["Resource"] for each in statements if action in each["Action"]]
    return [one for each in found for one in (each if isinstance(each, list) else [each])]


class TestStateful:
    def test_family_state_has_its_own_tables_and_queues_only(self, stateful):
        [table] = of_type(stateful, "AWS::DynamoDB::Table").values()
        assert table["TableName"] == {"Fn::Sub": "edge-admin-${Stage}-toys"}
        assert table["StreamSpecification"]
        assert set(of_type(stateful, "AWS::SQS::Queue")) == {
            *("ToysMadeQueue", "ToysMadeDeadQueue", "ToysPlayedQueue", "ToysPlayedDeadQueue")
        }
        kinds = {each["Type"] for each in stateful["Resources"].values()}
        assert not kinds & {"AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::S3::Bucket", "AWS::Events::EventBus"}

    def test_family_state_takes_its_parameters_from_the_core(self, stateful):
        core = stateful_template(CORE_BESIDE, retain=True)["Outputs"]

        assert set(stateful["Parameters"]) == {"Stage", "EventBusName"}
        assert set(stateful["Parameters"]) - {"Stage"} <= set(core)
        assert not set(stateful["Outputs"]) & set(core)

    def test_bus_rule_sends_subscribed_internal_events_to_the_queue(self, stateful):
        [rule] = of_type(stateful, "AWS::Events::Rule").values()

        assert rule["EventBusName"] == {"Ref": "EventBusName"}
        assert rule["EventPattern"]["source"] == [INTERNAL_SOURCE]
        assert rule["EventPattern"]["detail-type"] == ["fleet.node.deleted", "fleet.node.enrolled"]
        [target] = rule["Targets"]
        assert target["Arn"] == {"Fn::GetAtt": ["ToysMadeQueue", "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["ToysMadeDeadQueue", "Arn"]}}

    @pytest.mark.parametrize("queue", ["ToysMadeQueue", "ToysMadeDeadQueue"])
    def test_only_the_bus_rule_may_send_to_the_event_queue_by_tls(self, stateful, queue):
        policy = of_type(stateful, "AWS::SQS::QueuePolicy")[f"{queue}Policy"]
        refused, allowed = policy["PolicyDocument"]["Statement"]

        assert policy["Queues"] == [{"Ref": queue}]
        assert refused["Effect"] == "Deny"
        assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
        assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["ToysMadeQueueRule", "Arn"]}}}

    def test_core_state_is_unchanged_beside_another_family(self):
        assert stateful_template(CORE_BESIDE, retain=True) == stateful_template(CORE, retain=True)


class TestApplication:
    def test_family_application_has_an_api_functions_and_a_relay(self, application):
        assert set(of_type(application, "AWS::Serverless::Function")) == {
            *("APIHandler", "MakeToys", "PlayToys", "SweepToys", "RelayChanges")
        }
        streams = of_type(application, "AWS::Serverless::Function")["RelayChanges"]["Events"].values()
        assert [each["Properties"]["Stream"] for each in streams] == [{"Ref": "ToysStreamArn"}]
        assert not [name for name in application["Resources"] if name.startswith("Websocket")]

    def test_change_stream_has_one_reader(self):
        read = [table.name for each in (CORE_BESIDE, DEPLOYABLE) for table in each.streams]

        assert Counter(read).most_common(1)[0][1] == 1
        assert TOYS.name not in [table.name for table in CORE_BESIDE.streams]

    def test_family_application_names_its_family_in_apis_and_logs(self, application):
        assert application["Resources"]["RestAPI"]["Properties"]["Name"] == {"Fn::Sub": "edge-admin-${Stage}-toys"}
        groups = {each["LogGroupName"]["Fn::Sub"] for each in of_type(application, "AWS::Logs::LogGroup").values()}
        assert "/edge-admin/${Stage}/toys/relay_changes" in groups
        assert all(each.startswith("/edge-admin/${Stage}/toys/") for each in groups)
        variables = application["Globals"]["Function"]["Environment"]["Variables"]
        assert (variables["FAMILY"], variables["FAMILIES"]) == ("toys", ",".join([*BY_DEFAULT, "toys"]))

    def test_every_route_of_a_family_has_a_throttle(self, application):
        (setting,) = application["Resources"]["RestAPI"]["Properties"]["MethodSettings"]

        assert (setting["HttpMethod"], setting["ResourcePath"]) == ("*", "/*")
        assert setting["ThrottlingRateLimit"] == {"Ref": "RoutesRate"}
        assert setting["ThrottlingBurstLimit"] == {"Ref": "RoutesBurst"}

    def test_gateway_responses_have_the_familys_form(self, application):
        body = application["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
        throttled = body["x-amazon-apigateway-gateway-responses"]["THROTTLED"]

        fault = {"fault": f"rate_limited: {rate_limited(1).message}"}
        assert throttled["responseTemplates"] == {"application/json": json.dumps(fault, separators=(",", ":"))}
        assert throttled["responseParameters"]["gatewayresponse.header.x-toys"] == "'yes'"

    def test_required_family_parameters_are_known_to_the_deployment(self, application, stateful):
        required = {name for name, each in application["Parameters"].items() if "Default" not in each}
        core = stateful_template(CORE_BESIDE, retain=True)["Outputs"]

        assert required - {*core, *stateful["Outputs"]} == {"Stage", "WebsocketAPI"}

    def test_family_roles_name_own_tables_by_reference_and_others_by_name(self, application):
        statements = statements_of(application, "MakeToysRole")
        arn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${TablePrefix}"
        assert resources_with(statements, "dynamodb:BatchGetItem") == [{"Fn::Sub": f"{arn}nodes"}]
        queues = resources_with(statements, "sqs:SendMessage")
        assert {"Ref": queue_parameter(PLAYED)} in queues
        assert [each for each in queues if "edge-admin-${Stage}-clean-up" in each.get("Fn::Sub", "")]
        assert resources_with(statements, "sqs:ReceiveMessage") == [{"Ref": queue_parameter(MADE)}]

    def test_family_relay_has_the_grants_of_platform_contexts(self, application):
        statements = statements_of(application, "RelayChangesRole")

        assert {"Ref": "ToysMadeQueueArn"} in resources_with(statements, "sqs:SendMessage")
        assert [each for each in resources_with(statements, "dynamodb:UpdateItem") if "counters" in each["Fn::Sub"]]
        assert resources_with(statements, "dynamodb:GetRecords") == [{"Ref": "ToysStreamArn"}]

    def test_worker_that_queues_to_itself_may_recurse(self, application):
        allowed = {
            name for name, each in of_type(application, "AWS::Serverless::Function").items() if "RecursiveLoop" in each
        }
        assert allowed == {"PlayToys"}


class TestCoreBesideIt:
    def test_shared_core_workers_get_the_familys_grants_by_name(self):
        core = fragment(CORE_BESIDE)
        statements = statements_of(core, "CleanUpRole")
        rows = [each["Fn::Sub"] for each in resources_with(statements, "dynamodb:DeleteItem")]

        assert [each for each in rows if each.endswith("table/${TablePrefix}toys")]
        sent = resources_with(statements, "sqs:SendMessage")
        assert [each for each in sent if each.get("Fn::Sub", "").endswith("edge-admin-${Stage}-toys-played")]
        assert not [name for name in core["Parameters"] if name.startswith("Toys")]

    def test_core_relay_and_api_get_no_grants_of_a_family(self):
        for role in ("RelayChangesRole", "ApiHandlerRole"):
            assert "toys" not in json.dumps(statements_of(fragment(CORE_BESIDE), role))

    def test_core_beside_a_family_differs_in_roles_and_family_list_only(self):
        alone, beside = fragment(CORE), fragment(CORE_BESIDE)
        changed = {name for name, each in beside["Resources"].items() if each != alone["Resources"].get(name)} | alone[
            "Resources"
        ].keys() - beside["Resources"].keys()

        # A family's tables go into some of the parts, by their names.
        managed = {f"CleanUpRoleTables{part + 1}" for part in range(PARTS)}
        assert changed - managed == {"CleanUpRole", "RecountRole"}
        variables = beside["Globals"]["Function"]["Environment"]["Variables"]
        assert variables.pop("FAMILIES") == ",".join([*BY_DEFAULT, "toys"])
        assert variables == alone["Globals"]["Function"]["Environment"]["Variables"]


class TestRules:
    @pytest.mark.parametrize("each", [*DEPLOYED, FAMILY], ids=lambda each: each.name)
    def test_family_names_are_valid_in_stack_names(self, each):
        check_family(each)

    @pytest.mark.parametrize("name", [*sorted(TAKEN), "Toys", "to-ys", "t", "a" * 17])
    def test_family_name_invalid_for_stacks_is_refused(self, name):
        with pytest.raises(ValueError, match="family's name"):
            check_family(Family(name, ()))

    @pytest.mark.parametrize("what", ["tables", "queues", "functions"])
    def test_names_of_tables_queues_and_functions_differ_between_families(self, what):
        every = [*FAMILIES, FAMILY]
        parts = [part for family in every for part in (*family.contexts, *([family] if what == "functions" else []))]
        names = [str(getattr(each, "name", each)) for part in parts for each in getattr(part, what)]
        names += [f"{name}-dead" for name in names] if what == "queues" else []

        assert [name for name, times in Counter(names).items() if times > 1] == []

    @pytest.mark.parametrize("each", [*DEPLOYED, FAMILY], ids=lambda each: each.name)
    def test_family_grants_name_only_its_own_and_platform_functions(self, each):
        known = {function.name for function in functions_in([PLATFORM, each])}
        granted = {name for context in each.contexts for name in context.grants} - known

        behind_others = {one.name for one in functions_in(DEPLOYED) if isinstance(one.source, HttpSource)}
        assert granted <= (behind_others if each.guests else set())

    @pytest.mark.parametrize("each", [one for one in DEPLOYED if one.guests], ids=lambda each: each.name)
    def test_family_with_guests_lets_the_apis_of_others_read_alone(self, each):
        others = {one.name for one in functions_in(DEPLOYED)} - {one.name for one in functions_in([each])}
        for context in each.contexts:
            behind = [grants for name, grants in context.grants.items() if name in others]
            assert {
                action for one in behind for actions in one.tables.values() for action in actions
            } <= GET | BATCH_GET

    def test_api_of_a_family_looks_guests_up_where_these_are_deployed(self):
        """Its members and tenants by the grants of the family whose guests they are."""
        with_cloud, alone = (
            next(each for each in chosen(names) if each.family.name == "machines")
            for names in ("machines,cloud", "machines")
        )
        (behind,) = [one for one in with_cloud.functions if isinstance(one.source, HttpSource)]
        assert with_cloud.grants(behind).tables["tenant_roles"] >= BATCH_GET
        assert with_cloud.grants(behind).tables["members"] >= BATCH_GET
        assert "tenant_roles" not in alone.grants(behind).tables

    @pytest.mark.parametrize("each", [*DEPLOYED, FAMILY], ids=lambda each: each.name)
    def test_family_has_one_function_behind_its_api(self, each):
        behind = [one for one in functions_in([each]) if isinstance(one.source, HttpSource)]

        assert len(behind) == 1

    @pytest.mark.parametrize("each", [*DEPLOYED, FAMILY], ids=lambda each: each.name)
    def test_function_behind_a_familys_api_may_write_limits(self, each):
        """Without the grant limits of keys would not hold there: requests pass if their table cannot be reached."""
        (behind,) = [one for one in functions_in([each]) if isinstance(one.source, HttpSource)]

        assert grants_in([PLATFORM, each], behind.name).tables["limits"] >= UPDATE

    def test_family_queue_without_a_consumer_is_refused(self):
        lonely = dataclasses.replace(CONTEXT, functions=CONTEXT.functions[1:])
        family = dataclasses.replace(FAMILY, contexts=(lonely,))

        with pytest.raises(ValueError, match="the queue toys-made has no consumer"):
            stateful_template(deployables([*CORE.every, family])[-1], retain=True)


class TestChoice:
    def test_families_that_are_there_by_default_are_chosen_without_names(self):
        assert chosen("") == deployables()
        assert [each.family.name for each in chosen("")] == BY_DEFAULT
        assert set(families.NAMES) - {*BY_DEFAULT} == {"cloud"}

    def test_family_that_is_deployed_stays_chosen_without_names(self):
        assert [each.family.name for each in chosen("", ["cloud"])] == [*BY_DEFAULT, "cloud"]
        assert chosen(families.EVERY) == chosen("", ["cloud"])

    def test_core_is_the_same_whether_a_family_could_be_deployed_or_not(self):
        assert families.CHOSEN not in chosen("")[0].environment
        assert chosen("cloud")[0].environment[families.CHOSEN] == "fleet,machines,cloud"

    def test_core_is_always_chosen_and_comes_first(self):
        assert chosen("fleet")[0].family == CORE.family

    def test_unknown_family_is_refused_with_the_known_ones(self):
        with pytest.raises(ValueError, match="FAMILIES: 'toys' is no family: there are fleet"):
            chosen("fleet,toys")

    def test_stack_names_contain_the_family(self):
        assert application_stack("dev", CORE) == "edge-admin-dev"
        assert application_stack("dev", DEPLOYABLE) == "edge-admin-dev-toys"
        assert stateful_stack("dev", DEPLOYABLE) == "edge-admin-dev-toys-state"
        assert FURTHER.suffix == "-admin-${Name}"


class TestLinters:
    def test_linters_find_nothing_in_family_templates(self, application, tmp_path):
        write_stateful(tmp_path, retain=True, deployable=DEPLOYABLE)
        (tmp_path / "sam.json").write_text(to_compact_json(application))
        findings = list(of_templates([tmp_path / "stateful.json", tmp_path / "sam.json"]))

        assert [each for each in findings if each.reason is None] == []

    def test_iam_knows_every_action_of_family_roles(self, every_template):
        findings = list(of_policies(every_template["toys"], parameters_of_the_application(deployable=DEPLOYABLE)))

        assert [each for each in findings if each.reason is None] == []

    def test_deployer_may_create_every_resource_type_of_a_family(self, stateful, every_template):
        deployed = {
            each["Type"] for each in [*stateful["Resources"].values(), *every_template["toys"]["Resources"].values()]
        }

        assert deployed <= types()
