"""Has instances looked at when their machine or their node has changed."""

from chalicelib.kit.queues import Message
from chalicelib.machines.instances.model import INSTANCE
from chalicelib.machines.providers.queues import EC2_SOURCE
from chalicelib.platform.events.facts import fact_in
from chalicelib.platform.provisioning.overall import AllResources


class Signals:
    """The content of a signal is never taken over: it may be late, and about a machine of somebody else."""

    def __init__(self, resources: AllResources) -> None:
        self._resources = resources

    def handle(self, message: Message) -> None:
        """Wake the instance that an event of EC2, or a fact of the fleet, is about, if there is one. Raises ValueError
        for any other message."""
        if message.get("source") == EC2_SOURCE:
            self._resources.wake_external(INSTANCE, str(message["detail"]["instance-id"]))
        else:
            self._resources.wake(INSTANCE, str(fact_in(message).data["node_id"]))
