"""Dead letters go back to their queue: by SQS's own task, or one by one, and none is lost by a crash."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.kit.queues import Queue, Queues
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from infra import redrive
from infra.redrive import RedriveError, by_hand, main, queue_name
from tests.support.fakes.clock import FakeClock

NAME = "edge-admin-dev-webhook-deliveries"
DEAD = f"{NAME}-dead"
MESSAGES = [{"kind": "deliver", "id": f"delivery-{place}", "webhook_id": f"hook-{place % 3}"} for place in range(23)]


@pytest.fixture
def sqs(emulator):
    """The local cloud's SQS, which knows no tasks, with a queue and its dead letters."""
    client = emulator.client("sqs")
    client.create_queue(QueueName=NAME)
    client.create_queue(QueueName=DEAD)
    return client


@pytest.fixture
def clock():
    return FakeClock(datetime(2026, 11, 28, 3, tzinfo=UTC))


def url(sqs, name):
    return sqs.get_queue_url(QueueName=name)["QueueUrl"]


def let_die(sqs, messages):
    """As the application sends them, but to the dead letters."""
    dead = Queue(DEAD, grouped_by=WEBHOOK_DELIVERIES.grouped_by)
    Queues(sqs, url(sqs, DEAD).removesuffix(DEAD)).send(dead, messages, request_id="request-1")


def taken(sqs, name):
    """Everything in a queue, which is empty afterwards."""
    found = []
    while received := sqs.receive_message(
        QueueUrl=url(sqs, name), MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
    ).get("Messages", []):
        found += received
        for each in received:
            sqs.delete_message(QueueUrl=url(sqs, name), ReceiptHandle=each["ReceiptHandle"])
    return found


def ids(messages):
    return sorted(json.loads(each["Body"])["id"] for each in messages)


def every_id():
    return sorted(each["id"] for each in MESSAGES)


def test_messages_are_moved_whole_where_sqs_has_no_move_tasks(sqs, clock, monkeypatch):
    monkeypatch.setattr(redrive, "WAIT_SECONDS", 0)
    let_die(sqs, MESSAGES)
    said = []

    assert redrive.redrive(sqs, NAME, clock, said.append) == len(MESSAGES)

    moved = taken(sqs, NAME)
    assert ids(moved) == every_id()
    assert taken(sqs, DEAD) == []
    for each in moved:
        assert each["Attributes"]["MessageGroupId"] == json.loads(each["Body"])["webhook_id"]
        assert each["MessageAttributes"]["request_id"]["StringValue"] == "request-1"
    assert said == ["SQS moves no messages here: each is received and sent"]


def test_crash_between_send_and_delete_loses_no_message(sqs, clock, monkeypatch):
    monkeypatch.setattr(redrive, "WAIT_SECONDS", 0)
    monkeypatch.setattr(redrive, "HELD_SECONDS", 0)  # the time until what was received is seen again is over
    let_die(sqs, MESSAGES)

    class Crashed:
        def __getattr__(self, name):
            return getattr(sqs, name)

        def delete_message_batch(self, **asked):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        redrive.redrive(Crashed(), NAME, clock, print)
    sent_once = ids(taken(sqs, NAME))
    monkeypatch.undo()
    monkeypatch.setattr(redrive, "WAIT_SECONDS", 0)
    redrive.redrive(sqs, NAME, clock, print)

    assert len(sent_once) == 10
    assert ids(taken(sqs, NAME)) == every_id()  # those ten a second time
    assert taken(sqs, DEAD) == []


def test_message_refused_by_sqs_stays_in_the_dead_letters(sqs):
    let_die(sqs, MESSAGES[:3])

    class Full:
        def __getattr__(self, name):
            return getattr(sqs, name)

        def send_message_batch(self, **asked):
            return {"Failed": [{"Id": "0"}]}

    with pytest.raises(RedriveError, match="did not take 1 of 3"):
        by_hand(Full(), url(sqs, DEAD), url(sqs, NAME))
    counts = sqs.get_queue_attributes(QueueUrl=url(sqs, DEAD), AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "3"


class WithTasks:
    """SQS as AWS has it: ``answers`` are what it tells of its latest task, look by look."""

    exceptions = boto3.client("sqs", region_name="us-east-1").exceptions

    def __init__(self, *answers):
        self.answers = list(answers)
        self.started = []

    def get_queue_url(self, **asked):
        return {"QueueUrl": f"https://sqs.test/{asked['QueueName']}"}

    def get_queue_attributes(self, **asked):
        return {"Attributes": {"QueueArn": f"arn:aws:sqs:us-east-1:1:{asked['QueueUrl'].rpartition('/')[2]}"}}

    def list_message_move_tasks(self, **asked):
        assert asked == {"SourceArn": f"arn:aws:sqs:us-east-1:1:{DEAD}", "MaxResults": 1}
        answer = self.answers.pop(0)
        return {"Results": [answer]} if answer else {}

    def start_message_move_task(self, **asked):
        self.started.append(asked)


def task(status, moved=0, began=2, **more):
    return {
        "Status": status,
        "StartedTimestamp": began,
        "ApproximateNumberOfMessagesMoved": moved,
        "ApproximateNumberOfMessagesToMove": 7,
        **more,
    }


def running(moved):
    return task("RUNNING", moved)


def test_sqs_move_task_is_started_and_waited_for(clock):
    sqs = WithTasks(None, running(0), running(4), task("COMPLETED", 7))
    said = []

    assert redrive.redrive(sqs, NAME, clock, said.append) == 7

    arn = "arn:aws:sqs:us-east-1:1:"
    assert sqs.started == [{"SourceArn": f"{arn}{DEAD}", "DestinationArn": f"{arn}{NAME}"}]
    assert said == ["0 of about 7 messages are moved", "4 of about 7 messages are moved"]


def test_running_move_task_is_waited_for_and_not_doubled(clock):
    sqs = WithTasks(running(1), running(1), task("COMPLETED", 7))

    assert redrive.redrive(sqs, NAME, clock, print) == 7
    assert sqs.started == []


def test_move_task_that_another_started_meanwhile_is_waited_for(clock):
    class Taken(WithTasks):
        def start_message_move_task(self, **asked):
            raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "no"}}, "StartMessageMoveTask")

    assert redrive.redrive(Taken(None, running(0), running(4), task("COMPLETED", 7)), NAME, clock, print) == 7


def test_older_move_task_that_is_still_shown_is_not_taken_for_this_one(clock):
    older = task("COMPLETED", 3, began=1)
    assert redrive.redrive(WithTasks(older, older, running(0), task("COMPLETED", 7)), NAME, clock, print) == 7

    with pytest.raises(RedriveError, match="does not show the task"):
        redrive.redrive(WithTasks(*[older] * 20), NAME, clock, print)


def test_cancelled_move_task_is_reported(clock):
    with pytest.raises(RedriveError, match="SQS stopped moving messages: CANCELLED"):
        redrive.redrive(WithTasks(None, task("CANCELLED")), NAME, clock, print)


class ForQueuesAlone:
    """SQS with tasks that do not move what EventBridge put there: refused at once, or failed with this task."""

    def __init__(self, sqs, failed=None):
        self.sqs, self.failed, self.shown = sqs, failed, {}

    def __getattr__(self, name):
        return getattr(self.sqs, name)

    def list_message_move_tasks(self, **asked):
        return {"Results": [self.shown] if self.shown else []}

    def start_message_move_task(self, **asked):
        if self.failed is None:
            raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "no"}}, "StartMessageMoveTask")
        self.shown = self.failed


@pytest.mark.parametrize("failed", [None, task("FAILED", 2, FailureReason="CouldNotDetermineMessageSource")])
def test_messages_that_no_task_moves_are_received_and_sent(sqs, clock, monkeypatch, failed):
    monkeypatch.setattr(redrive, "WAIT_SECONDS", 0)
    let_die(sqs, MESSAGES[:3])

    assert redrive.redrive(ForQueuesAlone(sqs, failed), NAME, clock, print) == (3 if failed is None else 5)
    assert ids(taken(sqs, NAME)) == sorted(each["id"] for each in MESSAGES[:3])


def test_other_sqs_error_is_not_taken_for_missing_tasks(clock):
    class Refusing(WithTasks):
        def list_message_move_tasks(self, **asked):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListMessageMoveTasks")

    with pytest.raises(ClientError):
        redrive.redrive(Refusing(), NAME, clock, print)


def test_unknown_queue_is_refused_by_name(sqs, monkeypatch, capsys):
    monkeypatch.setattr(redrive.aws, "client", lambda session, service: sqs)

    assert main(["events", "--stage", "dev"]) == 1
    assert "no queue edge-admin-dev-events in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["clean-up", "--stage", "Dev"], "STAGE"), (["clean-up", "--stage", "dev", "--name", "west"], "only command-")],
)
def test_invalid_redrive_arguments_are_refused(arguments, words, capsys):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_manually_read_queue_is_not_redriven(capsys):
    with pytest.raises(SystemExit):
        main(["relay-failures", "--stage", "dev"])


def test_redriven_queue_names_are_those_of_the_templates(templates):
    own = templates["further"]["Resources"]["DeliveryQueue"]["Properties"]["QueueName"]["Fn::Sub"]
    assert own.replace("${Stage}", "dev").replace("${Name}", "west") == queue_name("dev", COMMAND_DELIVERY, "west")
