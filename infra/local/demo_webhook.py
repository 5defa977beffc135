"""The webhook of `make demo`: a subscription for the sample receiver, and the events received."""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from infra.local.operator_api import Operator
from infra.local.options import Options
from infra.local.receiver import SampleReceiver

EVENT_TYPE = "edge.command_execution.completed"


def letting_webhooks_in(options: Options) -> Options:
    """The same, with webhooks that may lead to this machine."""
    return replace(options, settings={**options.settings, "WEBHOOK_ALLOW_PRIVATE_IPS": "true"})


class DemoWebhook:
    """Creates the webhook. It receives an event for every completed execution, from about a second later on."""

    def __init__(self, operator: Operator, receiver: SampleReceiver) -> None:
        self._receiver = receiver
        operator.create_webhook(receiver.url, receiver.secrets[0], [EVENT_TYPE])

    def has_told_of(self, execution_ids: AbstractSet[str]) -> bool:
        """Whether an event of each has arrived and both its signatures were verified."""
        return execution_ids <= self._events().keys()

    def print_one(self, execution_ids: AbstractSet[str]) -> None:
        """Print the receiver's address, and one event as it was received."""
        print(f"\nThe webhook at {self._receiver.url} was told of all {len(execution_ids)}, both signatures verified:")
        for line in json.dumps(self._events()[min(execution_ids)], indent=2, ensure_ascii=False).splitlines():
            print(f"    | {line}")

    def _events(self) -> Mapping[str, dict[str, Any]]:
        """The received events, by execution id."""
        return {str(event["data"]["command_execution_id"]): event for event in self._receiver.events()}
