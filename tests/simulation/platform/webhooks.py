"""Webhooks: created and deleted; no delivery outlives its webhook."""

from chalicelib.kit.outbound import Answer
from chalicelib.platform.webhooks.model import NewWebhook
from chalicelib.platform.webhooks.store import DELIVERIES, WEBHOOKS
from tests.simulation.scene import Scene, Simulation

HOST = "hooks.example"


def create_webhook(scene: Scene) -> None:
    events = ("edge.node.registered", "edge.command_execution.created")
    wanted = NewWebhook(url=f"https://{HOST}/", secret="s" * 32, subscribed_events=events)
    scene.world.platform.webhooks.registry.create(wanted)


def delete_webhook(scene: Scene) -> None:
    scene.world.platform.webhooks.registry.delete(str(scene.some_row(WEBHOOKS)["id"]))


def deliveries_are_of_webhooks(scene: Scene) -> None:
    ids = {row["id"] for row in scene.rows(WEBHOOKS)}
    lost = [row["id"] for row in scene.rows(DELIVERIES) if row["webhook_id"] not in ids]
    assert not lost, f"deliveries outlived their webhooks: {lost}"


def the_total_is_that_of_the_rows(scene: Scene) -> None:
    counted = scene.world.platform.counters.read("webhooks")
    assert counted == len(scene.rows(WEBHOOKS)), f"{counted} webhooks are counted"


def receiver_fails(scene: Scene) -> None:
    scene.world.exchange.reply(HOST, Answer(scene.rng.choice((404, 500))))
    scene.mends.append(lambda: scene.world.exchange.recover(HOST))


def receiver_hangs(scene: Scene) -> None:
    scene.world.exchange.hang(HOST)
    scene.mends.append(lambda: scene.world.exchange.recover(HOST))


SIMULATION = Simulation(
    operations=(create_webhook, delete_webhook),
    invariants=(deliveries_are_of_webhooks, the_total_is_that_of_the_rows),
    faults=(receiver_fails, receiver_hangs),
)
