"""Webhooks: created and deleted; each event reaches every webhook that wants it, or is known not to have."""

from collections import Counter
from datetime import timedelta

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.outbound import Answer
from chalicelib.kit.tables import Item
from chalicelib.platform.webhooks.model import NewWebhook
from chalicelib.platform.webhooks.store import DELIVERIES, WEBHOOKS
from tests.simulation.scene import Scene, Simulation

HOST = "hooks.example"

SOON = timedelta(minutes=2)
"""How long after its creation a webhook may still miss events: the list of subscribers is kept a while."""


def create_webhook(scene: Scene) -> None:
    events = ("edge.node.registered", "edge.command_execution.created")
    wanted = NewWebhook(url=f"https://{HOST}/", secret="s" * 32, subscribed_events=events)
    scene.world.platform.webhooks.registry.create(wanted)


def delete_webhook(scene: Scene) -> None:
    scene.world.platform.webhooks.registry.delete(str(scene.some_row(WEBHOOKS)["id"]))


def _subscribing(scene: Scene) -> list[Item]:
    """The webhooks that were created to get events of a type, and belong to no thing."""
    return [row for row in scene.rows(WEBHOOKS) if not row.get("owner")]


def deliveries_are_of_webhooks(scene: Scene) -> None:
    ids = {row["id"] for row in scene.rows(WEBHOOKS)}
    lost = [row["id"] for row in scene.rows(DELIVERIES) if row["webhook_id"] not in ids]
    assert not lost, f"deliveries outlived their webhooks: {lost}"


def the_total_is_that_of_the_rows(scene: Scene) -> None:
    """But of those that belong to a thing."""
    counted = scene.world.platform.counters.read("webhooks")
    assert counted == len(_subscribing(scene)), f"{counted} webhooks are counted"


def each_event_reaches_who_wants_it(scene: Scene) -> None:
    """Each event since a webhook is there was received, or its delivery has ended otherwise and says so."""
    received = Counter(request.headers["webhook-id"] for request in scene.world.exchange.of(HOST))
    deliveries = {(row["webhook_id"], row["event_id"]): row for row in scene.rows(DELIVERIES)}
    for hook in _subscribing(scene):
        since = to_seconds_text(parse_time(str(hook["inserted_at"])) + SOON)
        for envelope in scene.world.bus_client.envelopes:
            if envelope["type"] not in hook["subscribed_events"] or envelope["time"] < since:
                continue
            row = deliveries.get((hook["id"], envelope["id"]))
            assert row is not None, f"{envelope['type']} {envelope['id']} has no delivery to {hook['id']}"
            assert row["status"] != "pending" or "paused_until" in hook, f"delivery {row['id']} waits for ever"
            if row["status"] == "succeeded":
                assert received[envelope["id"]], f"{envelope['id']} counts as delivered and was never received"


def receiver_fails(scene: Scene) -> None:
    scene.world.exchange.reply(HOST, Answer(scene.rng.choice((404, 500))))
    scene.mends.append(lambda: scene.world.exchange.recover(HOST))


def receiver_hangs(scene: Scene) -> None:
    scene.world.exchange.hang(HOST)
    scene.mends.append(lambda: scene.world.exchange.recover(HOST))


SIMULATION = Simulation(
    operations=(create_webhook, delete_webhook),
    invariants=(deliveries_are_of_webhooks, each_event_reaches_who_wants_it, the_total_is_that_of_the_rows),
    faults=(receiver_fails, receiver_hangs),
)
