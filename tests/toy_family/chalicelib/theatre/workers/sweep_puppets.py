"""Queues the repair of puppets again, every minute, in case a message was lost."""

from chalice.app import Blueprint, Rate

from chalicelib.theatre.puppets.queues import PUPPET_REPAIRS
from chalicelib.theatre.wiring import Theatre
from chalicelib.theatre.workers import THEATRE

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_puppets")
@THEATRE.scheduled("sweep_puppets", lambda services: (services.puppets, services.platform.queues))
def handler(services: Theatre) -> None:
    messages = [{"puppet_id": puppet_id} for puppet_id in services.puppets.due_for_repair()]
    services.platform.queues.send(PUPPET_REPAIRS, messages)
