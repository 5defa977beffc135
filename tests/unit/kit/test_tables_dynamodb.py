"""What the driver makes of DynamoDB's answers, and what it sends: botocore's stubber plays DynamoDB."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import ANY, Stubber

from chalicelib.kit.tables import (
    Attribute,
    BusyError,
    Check,
    ConditionFailedError,
    Delete,
    Equals,
    Exists,
    Meter,
    Put,
    Query,
    Ref,
    RefusedError,
    Set,
    TransactionFailedError,
    Update,
)
from chalicelib.kit.tables.dynamodb import DynamoDriver
from tests.unit.kit.sample_tables import BY_KIND, LINES, THINGS

ONE = {"id": "one"}


@pytest.fixture
def client():
    made = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
    yield made
    made.close()


@pytest.fixture
def stub(client):
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def dynamo(client) -> DynamoDriver:
    return DynamoDriver(client, "app-", Meter())


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
        "TransactionConflictException",
        "TransactionInProgressException",
    ],
)
def test_temporary_dynamodb_error_is_busy(stub, dynamo, code):
    stub.add_client_error("update_item", code)
    with pytest.raises(BusyError, match=code):
        dynamo.write(Update(THINGS, ONE, (Set("size", 1),)))
    assert [(call.operation, call.table) for call in dynamo.meter.calls] == [("UpdateItem", "things")]


def test_missing_permission_is_not_busy(stub, dynamo):
    stub.add_client_error("get_item", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        dynamo.get(Ref(THINGS, ONE), consistent=True)


@pytest.mark.parametrize(
    "code", ["ValidationException", "IdempotentParameterMismatchException", "SerializationException"]
)
def test_permanent_dynamodb_error_is_refused(stub, dynamo, code):
    stub.add_client_error("transact_write_items", code)
    with pytest.raises(RefusedError, match=code):
        dynamo.transact([Put(THINGS, {"id": "one"})], "t")


@pytest.mark.parametrize("error", [ReadTimeoutError, ConnectTimeoutError, EndpointConnectionError])
def test_call_without_an_answer_is_busy(dynamo, client, error):
    def fail(**_):
        raise error(endpoint_url="https://dynamodb.example", error="refused")

    client.meta.events.register("before-send.dynamodb.GetItem", fail)
    with pytest.raises(BusyError, match="no answer"):
        dynamo.get(Ref(THINGS, ONE), consistent=True)
    assert dynamo.meter.count == 1


def cancelled(stub, *reasons) -> None:
    stub.add_client_error(
        "transact_write_items", "TransactionCanceledException", modeled_fields={"CancellationReasons": list(reasons)}
    )


def commit(dynamo) -> None:
    dynamo.transact([Put(THINGS, {"id": "one"}), Put(THINGS, {"id": "two"}), Put(THINGS, {"id": "three"})], "t")


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_transaction_cancelled_by_a_conflict_is_busy(stub, dynamo, code):
    cancelled(stub, {"Code": "None"}, {"Code": code}, {"Code": "None"})
    with pytest.raises(BusyError):
        commit(dynamo)


def test_failed_condition_wins_over_a_conflict_in_a_transaction(stub, dynamo):
    item = {"id": {"S": "two"}, "size": {"N": "7"}}
    cancelled(
        stub,
        {"Code": "TransactionConflict"},
        {"Code": "ConditionalCheckFailed", "Item": item},
        {"Code": "ConditionalCheckFailed"},
    )
    with pytest.raises(TransactionFailedError) as failure:
        commit(dynamo)
    assert failure.value.failed == {1: {"id": "two", "size": 7}, 2: None}


def test_transaction_cancelled_as_invalid_is_refused(stub, dynamo):
    cancelled(stub, {"Code": "None"}, {"Code": "ValidationError"}, {"Code": "None"})
    with pytest.raises(RefusedError):
        commit(dynamo)


def test_failed_condition_on_a_missing_row_has_no_current_row(stub, dynamo):
    stub.add_client_error("delete_item", "ConditionalCheckFailedException")
    with pytest.raises(ConditionFailedError) as failure:
        dynamo.write(Delete(THINGS, ONE, Exists("id")))
    assert failure.value.current is None


def test_update_is_sent_with_its_expression_and_metered(stub, dynamo):
    stub.add_response(
        "update_item",
        {"Attributes": {"id": {"S": "one"}, "name": {"S": "n"}}, "ConsumedCapacity": {"CapacityUnits": 3.0}},
        {
            "TableName": "app-things",
            "Key": {"id": {"S": "one"}},
            "ConditionExpression": "(attribute_exists(#n0) AND #n0 = #n1.#n2)",
            "UpdateExpression": "SET #n3 = :v0",
            "ExpressionAttributeNames": {"#n0": "size", "#n1": "shape", "#n2": "width", "#n3": "name"},
            "ExpressionAttributeValues": {":v0": {"S": "n"}},
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            "ReturnConsumedCapacity": "TOTAL",
        },
    )
    row = dynamo.write(Update(THINGS, ONE, (Set("name", "n"),), Equals("size", Attribute("shape.width"))))
    assert row == {"id": "one", "name": "n"}
    assert (dynamo.meter.read_units, dynamo.meter.write_units) == (0.0, 3.0)


def test_transaction_is_sent_with_its_token_and_metered(stub, dynamo):
    stub.add_response(
        "transact_write_items",
        {"ConsumedCapacity": [{"CapacityUnits": 4.0}, {"CapacityUnits": 2.0}]},
        {"TransactItems": ANY, "ClientRequestToken": "token", "ReturnConsumedCapacity": "TOTAL"},
    )
    dynamo.transact([Check(THINGS, ONE, Exists("id")), Delete(LINES, {"book": "b", "number": 1})], "token")
    (call,) = dynamo.meter.calls
    assert (call.operation, call.table, call.write_units) == ("TransactWriteItems", "lines,things", 6.0)


def test_index_count_is_sent_as_a_query_without_rows(stub, dynamo):
    stub.add_response(
        "query",
        {"Count": 2, "ConsumedCapacity": {"CapacityUnits": 0.5}, "LastEvaluatedKey": {"id": {"S": "x"}}},
        {
            "TableName": "app-things",
            "IndexName": "by_kind",
            "KeyConditionExpression": "#n0 = :v0",
            "ExpressionAttributeNames": {"#n0": "kind"},
            "ExpressionAttributeValues": {":v0": {"S": "k"}},
            "ScanIndexForward": False,
            "ConsistentRead": False,
            "Select": "COUNT",
            "Limit": 2,
            "ReturnConsumedCapacity": "TOTAL",
        },
    )
    page = dynamo.query(Query(THINGS, "k", index=BY_KIND, descending=True, limit=2, count_only=True))
    assert (page.items, page.count, page.last_key) == ([], 2, {"id": "x"})
    assert dynamo.meter.read_units == 0.5


def test_batch_returns_the_keys_left_unread(stub, dynamo):
    left_key = {"book": {"S": "b"}, "number": {"N": "2"}}
    stub.add_response(
        "batch_get_item",
        {
            "Responses": {"app-things": [{"id": {"S": "one"}, "size": {"N": "5"}}]},
            "UnprocessedKeys": {"app-lines": {"Keys": [left_key]}},
            "ConsumedCapacity": [{"CapacityUnits": 1.0}],
        },
    )
    refs = [Ref(LINES, {"book": "b", "number": 2}), Ref(THINGS, ONE), Ref(THINGS, {"id": "none"})]
    found, left = dynamo.batch_get(refs, consistent=True)
    assert found == [(refs[1], {"id": "one", "size": 5})]
    assert left == [refs[0]]
