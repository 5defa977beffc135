"""Messages that fail become dead letters, raise an alarm, and go back by the runbook's command once the cause is
gone."""

import json
from datetime import UTC, datetime
from typing import Any

from infra.functions import APP_NAME
from infra.local.options import STAGE
from tests.rehearsals.stage import HIDDEN_SECONDS, RehearsalFailedError, Stage

AGENTS = 2
QUEUE, FUNCTION = "events", "publish_events"
DEAD = f"{QUEUE}-dead"
ALARM = f"{APP_NAME}-{STAGE}-{DEAD}-waiting"
HURRY_SECONDS = 4
JUNK = "this is no message of ours"


def play(stage: Stage) -> None:
    sqs = stage.aws("sqs")
    alarms = _Alarms(stage)
    with stage.fleet("poison") as fleet:
        agents = stage.enrol(fleet, AGENTS)
        stage.rest()
        right = _Rights(stage, FUNCTION)
        right.take()
        stage.hide_for(QUEUE, HURRY_SECONDS)
        stage.say(f"{FUNCTION} may not put events any more, as after a wrong deployment; one message is junk besides")
        sqs.send_message(QueueUrl=stage.url_of(QUEUE), MessageBody=JUNK)
        given = stage.give(fleet, agents, "exit 4")
        stage.until(lambda: not stage.messages(QUEUE) and stage.messages(DEAD), "the messages to become dead letters")
        stage.until(
            lambda: all(row["status"] == "completed" for row in stage.executions_of(given)),
            "the command itself to end: only its events wait",
        )
        stage.until(lambda: not stage.messages(QUEUE), "the last attempts")
        stage.say(f"{stage.messages(DEAD)} dead letters; the command has run all the same")
        alarms.look()
        stage.until(lambda: ALARM in alarms.told(), f"the alarm {ALARM}")
        stage.say(f"subscribers were told: {ALARM} is in alarm")

        right.give_back()
        stage.hide_for(QUEUE, HIDDEN_SECONDS)
        stage.say("the cause is repaired")
        stage.say(stage.runbook("infra.redrive", QUEUE).strip().splitlines()[-1])
        stage.until(lambda: not stage.messages(QUEUE) or stage.messages(DEAD), "the messages to be worked on")
        stage.hide_for(QUEUE, HURRY_SECONDS)
        stage.until(lambda: stage.messages(DEAD) == 1 and not stage.messages(QUEUE), "the junk to die again")
        letter = sqs.receive_message(QueueUrl=stage.url_of(DEAD))["Messages"][0]
        if letter["Body"] != JUNK:
            raise RehearsalFailedError(f"another dead letter is left: {letter['Body']}")
        sqs.purge_queue(QueueUrl=stage.url_of(DEAD))
        stage.say("the junk died again, alone, and is dropped")
        stage.hide_for(QUEUE, HIDDEN_SECONDS)
        stage.rest()


class _Rights:
    """The inline policies of a function's role."""

    def __init__(self, stage: Stage, function: str) -> None:
        self._iam: Any = stage.aws("iam")
        about = stage.aws("lambda").get_function_configuration(FunctionName=stage.cloud.function_name(function))
        self._role = about["Role"].rpartition("/")[2]
        names = self._iam.list_role_policies(RoleName=self._role)["PolicyNames"]
        self._policies = {
            name: self._iam.get_role_policy(RoleName=self._role, PolicyName=name)["PolicyDocument"] for name in names
        }

        if not self._policies:
            raise RehearsalFailedError(f"the role {self._role} has no policy of its own")

    def take(self) -> None:
        for name in self._policies:
            self._iam.delete_role_policy(RoleName=self._role, PolicyName=name)

    def give_back(self) -> None:
        for name, document in self._policies.items():
            self._iam.put_role_policy(RoleName=self._role, PolicyName=name, PolicyDocument=json.dumps(document))


class _Alarms:
    """What subscribers of the alarms are told. `look` plays CloudWatch's minute, which the emulator has not for queues:
    it puts the figures of the dead letters where the alarms of the template read them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._sqs = stage.aws("sqs")
        self._url = self._sqs.create_queue(QueueName="pager")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = stage.cloud.state["AlarmTopicArn"]
        from_topic = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [{**from_topic, "Resource": arn}]}
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": json.dumps(policy)})
        stage.aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self._told: set[str] = set()

    def look(self) -> None:
        data = {
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": [{"Name": "QueueName", "Value": f"{APP_NAME}-{STAGE}-{DEAD}"}],
            "Timestamp": datetime.now(UTC),
            "Value": float(self._stage.messages(DEAD)),
        }
        self._stage.aws("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[data])
        self._stage.aws("cloudwatch").describe_alarms(AlarmNames=[ALARM])

    def told(self) -> set[str]:
        """The names of the alarms that went off so far."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                told = json.loads(json.loads(message["Body"])["Message"])
                if told["NewStateValue"] == "ALARM":
                    self._told.add(told["AlarmName"])
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._told
