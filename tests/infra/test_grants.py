"""Roles: one per function, nothing by wildcard, nothing that does not exist."""

import pytest

from chalicelib import families
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.tables import Tables
from chalicelib.platform.context import QUERY, Grants
from chalicelib.platform.families import Families
from infra.deployables import deployables
from infra.fragment import fragment
from infra.functions import FAMILIES, FUNCTIONS, TABLES, function
from infra.grants import GRANTS, is_in_a_loop
from infra.policies import DATA_KEY_PURPOSE, MANY_TABLES, PARTS, documents_of, managed_policies, policies
from tests.support.fakes.aws import FakeKeyService
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

CORE = deployables(FAMILIES)[0]
"""The core beside all other families."""

BY_NAME = {table.name: table for table in TABLES}

DYNAMODB_ACTIONS = {
    "GetItem",
    "BatchGetItem",
    "Query",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "ConditionCheckItem",
}


def test_metrics_of_the_installation_may_count_every_queue_that_they_watch():
    assert set(GRANTS["api_handler"].counts) == set(families.deployed("").queues_of_the_core)


def statements_of(name):
    return statements_for(function(name), GRANTS[name])


def statements_for(each, grants):
    """Those of its inline and of its managed policies."""
    managed = managed_policies(each, grants, CORE).values()
    (policy,) = policies(each, grants, CORE)
    documents = [policy["PolicyDocument"], *(document for each in managed for document in documents_of(each))]
    return [statement for document in documents for statement in document["Statement"]]


def allowed(name):
    return [statement for statement in statements_of(name) if statement["Effect"] == "Allow"]


def resources_of(statement):
    resource = statement["Resource"]
    return resource if isinstance(resource, list) else [resource]


def text_of(resource):
    return str(resource.get("Fn::Sub") or resource.get("Ref") or resource.get("Fn::GetAtt"))


def test_grants_exist_for_every_function_and_no_other():
    granted = {name for context in Families(FAMILIES).contexts for name in context.grants}

    assert granted == set(GRANTS) == {each.name for each in FUNCTIONS}


@pytest.mark.parametrize("name", GRANTS)
def test_grants_contain_no_wildcard_action_or_table(name):
    for statement in allowed(name):
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Action"] == ["dynamodb:ListStreams"]:
            assert statement["Resource"] == "*"  # IAM knows no narrower one
            continue
        if statement["Action"][0].startswith(("ec2:", "ssm:")):
            continue  # bound by tags instead of names: `test_machine_policies`
        if statement["Action"] in (["s3:ListAllMyBuckets"], ["cloudwatch:GetMetricData"]):
            assert statement["Resource"] == "*"  # IAM knows no narrower one
            continue
        for resource in resources_of(statement):
            text = text_of(resource)
            # A connection has no name before it exists; it stands behind the name of its owner, as an index does. The
            # queues of further stacks are made after the core, under names that no other queue has.
            known = ("/*/@connections/*", "/index/*", "edge-admin-${Stage}-admin-*-command-delivery")
            known += ("${ExportBucketName}/*",)  # objects that expire, each under the id of its export
            known += ("${OutputBucketName}/*",)  # likewise, under the id of its execution
            known += ("edge-admin-${Stage}-images-${AWS::AccountId}-${AWS::Region}/*",)  # files, each under its image
            known += (
                "edge-admin-${Stage}-b-*/*",
                "edge-admin-${Stage}-b-*",
            )  # tenants' buckets: `test_bucket_policies`
            known += ("${ArtifactBucket}/agent/*",)  # the agent's archives, each under its hash
            known += ("${AWS::AccountId}:identity/*", "${AWS::AccountId}:configuration-set/*")  # MAIL_FROM is a setting
            for each in known:
                text = text.replace(each, "")
            if "kms:ResourceAliases" in str(statement.get("Condition")):
                text = text.removesuffix("key/*")  # known by their aliases, see below
            if statement["Action"] == ["sqs:GetQueueAttributes"]:
                text = text.removesuffix("*")  # the queue and its dead letters, see the next test
            assert "*" not in text, text


def test_counted_queue_with_a_star_is_the_queue_and_its_dead_letters():
    every = [name for queue in CORE.queues for name in (str(queue), f"{queue}-dead")]
    for queue in CORE.queues:
        assert [name for name in every if name.startswith(str(queue))] == [str(queue), f"{queue}-dead"]


@pytest.mark.parametrize("name", GRANTS)
def test_table_grants_contain_only_known_actions(name):
    for table, actions in GRANTS[name].tables.items():
        assert table in BY_NAME
        assert actions
        assert actions <= DYNAMODB_ACTIONS


def test_scan_and_batch_write_are_granted_to_no_function():
    granted = {action for name in GRANTS for statement in allowed(name) for action in statement["Action"]}

    assert "dynamodb:Scan" not in granted
    assert "dynamodb:BatchWriteItem" not in granted


def test_query_grant_includes_indexes_where_they_exist():
    indexed = next(table for table in CORE.tables if table.indexes)
    plain = next(table for table in CORE.tables if not table.indexes)
    grants = Grants(tables={indexed.name: QUERY, plain.name: QUERY})
    statements = statements_for(function("recount"), grants)
    queried = [text_of(each) for statement in statements for each in resources_of(statement)]

    assert any(text.endswith(f"table/${{TablePrefix}}{indexed.name}/index/*") for text in queried)
    assert not any(text.endswith(f"table/${{TablePrefix}}{indexed.name}") for text in queried)
    assert any(text.endswith(f"table/${{TablePrefix}}{plain.name}") for text in queried)


def test_only_functions_that_need_secrets_may_open_them():
    fleets = {each.name: GRANTS[each.name] for each in CORE.functions}
    assert {name for name, grants in fleets.items() if grants.reads_keys} == {"api_handler", "settle_vpn"}
    assert {name for name, grants in fleets.items() if grants.makes_data_key} == {"api_handler", "provision"}
    assert {name for name, grants in fleets.items() if grants.decrypts} == {
        "api_handler",
        "clean_up",
        "deliver_commands",
        "deliver_webhook",
        "provision",
        "send_mails",
    }


def test_grant_on_an_unknown_table_is_refused():
    with pytest.raises(KeyError):
        policies(function("recount"), Grants(tables={"unknown": QUERY}), CORE)


def test_queue_worker_may_consume_its_own_queue_only():
    taken = [
        resources_of(statement)
        for statement in statements_of("clean_up")
        if "sqs:ReceiveMessage" in statement["Action"]
    ]

    assert taken == [[{"Ref": "CleanUpQueueArn"}]]


def test_tables_with_the_same_actions_share_a_statement():
    for name in GRANTS:
        (policy,) = policies(function(name), GRANTS[name], CORE)
        statements = policy["PolicyDocument"]["Statement"]
        of_tables = [tuple(each["Action"]) for each in statements if each["Action"][0].startswith("dynamodb:")]
        assert len(of_tables) == len(set(of_tables))


class TestManagedPolicies:
    MANY = Grants(tables=dict.fromkeys(list(BY_NAME)[:MANY_TABLES], QUERY))
    FEW = Grants(tables=dict.fromkeys(list(BY_NAME)[: MANY_TABLES - 1], QUERY))

    def test_grants_on_few_tables_stay_in_the_role(self):
        assert managed_policies(function("recount"), self.FEW, CORE) == {}

    def test_grants_on_many_tables_are_the_same_in_managed_policies(self):
        def granted(grants):
            return {
                (action, text_of(resource))
                for statement in statements_for(function("recount"), grants)
                for action in statement["Action"]
                for resource in resources_of(statement)
            }

        last = list(BY_NAME)[MANY_TABLES - 1]
        (policy,) = policies(function("recount"), self.MANY, CORE)

        assert [each["Action"][0] for each in policy["PolicyDocument"]["Statement"]] == ["logs:CreateLogStream"]
        assert granted(self.MANY) == granted(self.FEW) | granted(Grants(tables={last: QUERY}))

    def test_new_table_leaves_the_others_in_their_policies(self):
        def part_of(grants):
            return {
                text_of(resource): name
                for name, each in managed_policies(function("recount"), grants, CORE).items()
                for document in documents_of(each)
                for statement in document["Statement"]
                for resource in resources_of(statement)
            }

        before = part_of(self.MANY)
        after = part_of(Grants(tables=dict.fromkeys(BY_NAME, QUERY)))

        assert len(set(before.values())) == PARTS
        assert {name: after[name] for name in before} == before

    def test_managed_policies_are_named_by_the_role_so_they_are_first(self):
        resources = fragment(CORE)["Resources"]
        managed = {name: each for name, each in resources.items() if each.get("Type") == "AWS::IAM::ManagedPolicy"}
        attached = [
            each["Ref"]
            for role in CORE.functions
            for each in resources[role.role]["Properties"].get("ManagedPolicyArns", [])
            if "Ref" in each
        ]

        assert attached == list(managed)
        assert not [each for each in managed.values() if "Roles" in each["Properties"]]


def test_kms_key_is_used_for_the_granted_purpose_only():
    """The one that the code names: what asks for another is refused."""
    asked = []

    class Keys(FakeKeyService):
        def generate(self, context):
            asked.append(context)
            return super().generate(context)

    clock, ids = FakeClock(), FakeIds()
    tables = Tables(FakeDynamo(CORE.tables, clock), clock, ids)
    Sealer(tables, Keys(), clock, ids, "edge-admin-dev-").seal("text", "place")

    assert [context["purpose"] for context in asked] == [DATA_KEY_PURPOSE]
    for name in ("api_handler", "deliver_commands", "deliver_webhook"):
        of_data_keys = {"kms:Decrypt", "kms:GenerateDataKey"}
        conditions = [each["Condition"] for each in allowed(name) if of_data_keys & set(each["Action"])]
        assert conditions
        assert all(each == {"StringEquals": {"kms:EncryptionContext:purpose": DATA_KEY_PURPOSE}} for each in conditions)


def test_asymmetric_keys_are_those_with_an_alias_of_the_stage():
    """A rotation makes another key, whose id nobody knows before."""
    [statement] = [each for each in allowed("deliver_webhook") if "kms:Sign" in each["Action"]]

    assert statement["Action"] == ["kms:Sign", "kms:GetPublicKey"]
    aliases = {"Fn::Sub": "alias/edge-admin-${Stage}-signing*"}
    assert statement["Condition"] == {"ForAnyValue:StringLike": {"kms:ResourceAliases": aliases}}


@pytest.mark.parametrize("each", CORE.functions, ids=lambda each: each.name)
def test_code_in_a_network_may_not_change_network_interfaces(each):
    denied = [statement for statement in statements_of(each.name) if statement["Effect"] == "Deny"]

    assert len(denied) == each.reaches_nodes
    for statement in denied:
        assert {action.partition(":")[0] for action in statement["Action"]} == {"ec2"}
        assert "ArnLike" in statement["Condition"]  # Lambda itself, which makes the interfaces, is no code of ours


class TestLoops:
    def test_loops_are_functions_whose_messages_lead_back_to_them(self):
        assert {each.name for each in CORE.functions if is_in_a_loop(each)} == {
            "create_executions",
            "clean_up",
            "deliver_commands",
            "deliver_webhook",
            "provision",
            "settle_vpn",
            "trigger_updates",
        }
