"""Records the published events of the application with a rule on the event bus and a queue."""

import json
from typing import Any

from chalicelib.kit.bus import EVENT_SOURCE

RULE = "tap"


class BusTap:
    """Collects envelopes from now on. Its rule and queue exist as long as the local cloud."""

    def __init__(self, events: Any, sqs: Any, bus_name: str) -> None:
        self._sqs = sqs
        self._url = sqs.create_queue(QueueName=f"{bus_name}-{RULE}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]
        pattern = json.dumps({"source": [EVENT_SOURCE]})
        events.put_rule(Name=RULE, EventBusName=bus_name, EventPattern=pattern)
        events.put_targets(Rule=RULE, EventBusName=bus_name, Targets=[{"Id": RULE, "Arn": attributes["QueueArn"]}])
        self._seen: dict[str, dict[str, Any]] = {}

    def envelopes(self) -> list[dict[str, Any]]:
        """Every envelope so far, each once, in the order of their times."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                envelope = json.loads(message["Body"])["detail"]
                self._seen[envelope["id"]] = envelope
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return sorted(self._seen.values(), key=lambda envelope: str(envelope["time"]))
