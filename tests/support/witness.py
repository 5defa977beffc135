"""A family beside the fleet that writes down the facts about nodes that it is told of."""

from chalice.app import Blueprint

from chalicelib.fleet.facts import OF_NODES
from chalicelib.kit.queues import Queue
from chalicelib.platform.bus_rules import Subscription
from chalicelib.platform.context import Context, Family, Function, QueueSource
from chalicelib.platform.events.facts import Fact, fact_in
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import Entry, Message, placeholder_arn

FACTS = Queue("facts")

FAMILY = Family(
    "witness",
    contexts=(
        Context(
            "witness",
            queues=(FACTS,),
            functions=(Function("take_facts", "tests.support.witness.handler", QueueSource(FACTS, 2), 30),),
            subscriptions=(Subscription(OF_NODES, FACTS),),
        ),
    ),
    services="tests.support.witness.Witness",
    needs=("fleet",),
)

blueprint = Blueprint(__name__)


class Witness:
    """``seen`` holds each fact once, by its id; ``told`` counts every message."""

    def __init__(self, _platform: Platform) -> None:
        self.seen: dict[str, Fact] = {}
        self.told = 0


WITNESS = Entry(lambda platform: platform.container(Witness))


@blueprint.on_sqs_message(queue_arn=placeholder_arn(FACTS), name="take_facts")
@WITNESS.sqs_worker("take_facts", lambda witness: witness)
def handler(message: Message, witness: Witness) -> None:
    fact = fact_in(message)
    witness.seen[fact.id] = fact
    witness.told += 1
