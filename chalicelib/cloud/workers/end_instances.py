"""Releases what an instance that goes has: its volumes and its address are free again. An instance whose address has
changed is looked at, so that it shows that at once."""

from chalice.app import Blueprint

from chalicelib.cloud.compute.model import MAY_HAVE_ENDED
from chalicelib.cloud.compute.queues import INSTANCE_ENDS
from chalicelib.cloud.network.address_model import ADDRESS
from chalicelib.cloud.wiring import Cloud
from chalicelib.cloud.workers import CLOUD
from chalicelib.machines.public import INSTANCE
from chalicelib.platform.events.facts import fact_in
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.workers.entry import Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(INSTANCE_ENDS), name="end_instances")
@CLOUD.sqs_worker("end_instances", lambda services: services.volumes)
def handler(message: Message, services: Cloud) -> None:
    """The state is never taken over: the message may be late."""
    changed = fact_in(message).data
    if changed["kind"] == INSTANCE and changed["state"] in MAY_HAVE_ENDED:
        services.volumes.end(str(changed["tenant"]), str(changed["id"]))
        services.addresses.end(str(changed["tenant"]), str(changed["id"]))
    if changed["kind"] == ADDRESS and changed["state"] == State.READY:
        services.addresses.show_at_instances(str(changed["tenant"]), str(changed["id"]))
