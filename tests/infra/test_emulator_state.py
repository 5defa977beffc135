"""An emulator that keeps its state over a stop."""

import pytest

from infra.local.emulator import Emulator


@pytest.fixture
def emulator():
    emulator = Emulator(check_roles=False, keeps_state=True)
    emulator.wait_until_ready()
    yield emulator
    emulator.stop()


@pytest.mark.slow
def test_ended_emulator_starts_again_on_its_state_and_leaves_no_folder(emulator):
    sqs, dynamodb = emulator.client("sqs"), emulator.client("dynamodb")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    dynamodb.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="things", Item={"id": {"S": "a"}})

    emulator.end()
    emulator.start()
    emulator.wait_until_ready()

    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "kept"
    assert dynamodb.get_item(TableName="things", Key={"id": {"S": "a"}})["Item"] == {"id": {"S": "a"}}
    emulator.stop()
    assert not emulator.folder.exists()
