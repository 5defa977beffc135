"""The alarms on the queues of a stateful stack: on messages that wait too long, and on dead letters.

They stand in the application's template, which is read from the bucket: the stateful one, which makes the bucket, has
to fit into a request.
"""

from typing import Any

from infra.alarms import APPLICATION_TOPIC, age_alarm, waiting_alarm
from infra.deployables import Deployable
from infra.functions import consumer_of
from infra.queues import dead_resource, queue_resource, stage_name

Json = dict[str, Any]


def queue_alarms(deployable: Deployable) -> Json:
    """The alarms on the queues of the stateful stack below that stack, by logical id."""
    if not deployable.has_state:
        return {}
    alarms: Json = {}
    for queue in deployable.queues:
        name = queue_resource(queue)
        consumer = consumer_of(queue, deployable.functions)
        if queue.dead_letters is None or consumer is None:
            alarms |= _waiting(queue, name)
        else:
            alarms[f"{name}AgeAlarm"] = age_alarm(consumer, stage_name(queue), APPLICATION_TOPIC)
            alarms |= _waiting(queue.dead_letters, dead_resource(queue))
    return alarms


def _waiting(queue: str, resource: str) -> Json:
    alarm = waiting_alarm(f"A message of {queue}", stage_name(queue), APPLICATION_TOPIC)
    alarm["Properties"]["AlarmName"] = stage_name(f"{queue}-waiting")
    return {f"{resource}Alarm": alarm}
