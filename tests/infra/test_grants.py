"""Roles: one per function, nothing by wildcard, nothing that does not exist."""

import pytest

from chalicelib.schema import ALL_TABLES
from infra.functions import FUNCTIONS, function
from infra.grants import GRANTS, QUERY, Grants, policies

TABLES = {table.name: table for table in ALL_TABLES}

DYNAMODB_ACTIONS = {
    "GetItem",
    "BatchGetItem",
    "Query",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "ConditionCheckItem",
}


def statements_of(name, grants=None):
    (policy,) = policies(function(name), grants or GRANTS[name], TABLES)
    return policy["PolicyDocument"]["Statement"]


def resources_of(statement):
    resource = statement["Resource"]
    return resource if isinstance(resource, list) else [resource]


def text_of(resource):
    return str(resource.get("Fn::Sub") or resource.get("Ref") or resource.get("Fn::GetAtt"))


def test_every_function_has_grants_and_no_other_has():
    assert set(GRANTS) == {each.name for each in FUNCTIONS}


@pytest.mark.parametrize("name", GRANTS)
def test_no_action_and_no_table_is_granted_by_wildcard(name):
    for statement in statements_of(name):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]
        for resource in resources_of(statement):
            text = text_of(resource)
            # A connection and a stream have no name before they exist; both stand behind the name of their owner. The
            # queues of further stacks are made after the core, under names that no other queue has.
            known = ("/*/@connections/*", "/stream/*", "edge-admin-${Stage}-admin-*-command-delivery")
            for each in known:
                text = text.replace(each, "")
            assert "*" not in text, text


@pytest.mark.parametrize("name", GRANTS)
def test_tables_are_granted_by_known_actions(name):
    for table, actions in GRANTS[name].tables.items():
        assert table in TABLES
        assert actions
        assert actions <= DYNAMODB_ACTIONS


def test_nothing_may_scan():
    granted = {action for name in GRANTS for statement in statements_of(name) for action in statement["Action"]}

    assert "dynamodb:Scan" not in granted
    assert "dynamodb:BatchWriteItem" not in granted


def test_a_query_is_granted_on_indexes_where_there_are_some():
    indexed = next(table for table in ALL_TABLES if table.indexes)
    plain = next(table for table in ALL_TABLES if not table.indexes)
    grants = Grants(tables={indexed.name: QUERY, plain.name: QUERY})
    queried = [text_of(each) for statement in statements_of("recount", grants) for each in resources_of(statement)]

    assert any(f"{indexed.name}/index/{indexed.indexes[0].name}" in text for text in queried)
    assert not any(text.endswith(f"table/${{TablePrefix}}{indexed.name}") for text in queried)
    assert any(text.endswith(f"table/${{TablePrefix}}{plain.name}") for text in queried)


def test_only_those_who_need_them_open_secrets():
    assert {name for name, grants in GRANTS.items() if grants.reads_keys} == {"api_handler", "settle_vpn"}
    assert {name for name, grants in GRANTS.items() if grants.makes_data_key} == {"api_handler"}
    assert {name for name, grants in GRANTS.items() if grants.decrypts} == {
        "api_handler",
        "deliver_commands",
        "deliver_webhook",
    }


def test_a_table_that_does_not_exist_is_refused():
    with pytest.raises(KeyError):
        policies(function("recount"), Grants(tables={"unknown": QUERY}), TABLES)


def test_a_queue_worker_may_take_from_its_own_queue_only():
    taken = [
        resources_of(statement)
        for statement in statements_of("clean_up")
        if "sqs:ReceiveMessage" in statement["Action"]
    ]

    assert taken == [[{"Ref": "CleanUpQueueArn"}]]
