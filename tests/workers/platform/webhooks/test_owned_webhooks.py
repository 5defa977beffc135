"""Webhooks that belong to a thing of another part: their form, their signature, and who sees them."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from chalicelib.kit.errors import EdgeError
from chalicelib.kit.listing import ListRequest
from chalicelib.kit.outbound import Answer
from chalicelib.platform.signing.service import FRESH
from chalicelib.platform.signing.store import WEBHOOKS as PURPOSE
from chalicelib.platform.webhooks.forms import SIGNED_DATA
from chalicelib.platform.webhooks.model import NewWebhook
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.webhooks.store import DELIVERIES, WEBHOOKS
from tests.support.world import World

HOST, OTHER = "hooks.example", "other.example"
ID = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"
EVENT_ID = "3f1c5d1e-8a6b-5c7d-9e0f-1a2b3c4d5e6f"
DATA = {"eventType": "X", "details": {"text": "Grüße, a/b \u2028"}, "n": 1}


@pytest.fixture
def world() -> World:
    world = World(webhook_max_attempts=2)
    world.platform.webhooks.owned.put(ID, "thing 1", f"https://{HOST}/hook", SIGNED_DATA)
    return world


def send(world: World, event_id: str = EVENT_ID, data=DATA) -> None:
    event = {"id": event_id, "type": "X", "data": data}
    message = {"webhook_id": ID, "queued_at": "2026-11-21T10:00:00Z", "event": event}
    world.platform.queues.send(WEBHOOK_DELIVERIES, [message])
    world.settle()


def verifies(pem: str, received) -> bool:
    try:
        signature = base64.b64decode(received.headers["x-thunderstack-signature"], validate=True)
        load_pem_public_key(pem.encode()).verify(signature, received.body, PKCS1v15(), SHA256())  # type: ignore[call-arg, union-attr]
    except InvalidSignature:
        return False
    return True


def test_delivery_is_the_data_alone_and_is_verified_with_the_public_key(world: World) -> None:
    send(world)

    [received] = world.exchange.of(HOST)
    [key] = world.platform.signing.signatures.public_keys(PURPOSE)
    assert json.loads(received.body) == DATA
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-id"] == EVENT_ID
    assert verifies(key.pem, received)


def test_body_that_a_receiver_parses_and_writes_again_is_the_same(world: World) -> None:
    """As JavaScript's ``JSON.stringify(JSON.parse(body))`` writes it: compact, and nothing escaped without need."""
    send(world)

    [received] = world.exchange.of(HOST)
    again = json.dumps(json.loads(received.body), separators=(",", ":"), ensure_ascii=False)
    assert again.encode() == received.body
    assert b"\\u" not in received.body
    assert b"\\/" not in received.body


def test_after_a_rotation_each_delivery_is_verified_with_a_served_key(world: World) -> None:
    signatures = world.platform.signing.signatures
    send(world)
    signatures.rotate(PURPOSE)
    world.clock.advance(FRESH.total_seconds())
    send(world, "4f1c5d1e-8a6b-5c7d-9e0f-1a2b3c4d5e6f")

    before, after = world.exchange.of(HOST)
    new, old = signatures.public_keys(PURPOSE)
    assert verifies(old.pem, before)
    assert verifies(new.pem, after)
    assert not verifies(old.pem, after)


def test_retry_has_the_same_body_and_a_valid_signature(world: World) -> None:
    world.exchange.reply(HOST, Answer(500), Answer(204))
    send(world)
    world.clock.advance(60)
    world.queue_client.release_delayed()
    world.settle()

    first, second = world.exchange.of(HOST)
    [key] = world.platform.signing.signatures.public_keys(PURPOSE)
    assert first.body == second.body
    assert verifies(key.pem, second)
    assert [row["status"] for row in world.driver.rows(DELIVERIES)] == ["succeeded"]


def test_owned_webhook_is_in_no_list_and_counts_in_no_total(world: World) -> None:
    registry = world.platform.webhooks.registry
    other = registry.create(
        NewWebhook(url=f"https://{OTHER}/", secret="s" * 32, subscribed_events=("edge.node.registered",))
    )
    world.settle()

    page = registry.list_page(ListRequest())

    assert [each.id for each in page.items] == [other.id]
    assert world.platform.counters.read(WEBHOOKS.name) == 1


def test_owned_webhook_is_read_and_redelivered_by_id_and_changed_by_nobody(world: World) -> None:
    send(world)
    webhooks = world.platform.webhooks
    [row] = world.driver.rows(DELIVERIES)

    webhooks.deliveries.redeliver(ID, str(row["id"]))
    world.settle()

    assert len(world.exchange.of(HOST)) == len(("first", "again"))
    assert webhooks.registry.get(ID).owner == "thing 1"
    for change in (
        lambda: webhooks.registry.delete(ID),
        lambda: webhooks.registry.rotate_secret(ID, "n" * 32, 0),
    ):
        with pytest.raises(EdgeError, match="not found"):
            change()


def test_put_again_changes_the_receiver_and_ends_a_pause(world: World) -> None:
    owned, store = world.platform.webhooks.owned, world.platform.webhooks.registry
    before = store.get(ID)
    owned.put(ID, "thing 1", f"https://{HOST}/hook", SIGNED_DATA)
    assert store.get(ID) == before, "the same again writes nothing"
    world.exchange.reply(HOST, Answer(500))
    for count in range(5):
        send(world, f"{count}f1c5d1e-8a6b-5c7d-9e0f-1a2b3c4d5e6f")
    assert store.get(ID).is_paused

    owned.put(ID, "thing 1", f"https://{OTHER}/new", SIGNED_DATA)

    assert not store.get(ID).is_paused
    send(world, "9f1c5d1e-8a6b-5c7d-9e0f-1a2b3c4d5e6f")
    assert len(world.exchange.of(OTHER)) == 1


def test_removed_webhook_gets_nothing_more_and_its_log_goes(world: World) -> None:
    send(world)
    world.platform.webhooks.owned.remove(ID)
    world.platform.webhooks.owned.remove(ID)
    world.settle()
    send(world, "4f1c5d1e-8a6b-5c7d-9e0f-1a2b3c4d5e6f")

    assert len(world.exchange.of(HOST)) == 1
    assert not world.driver.rows(WEBHOOKS)
    assert not world.driver.rows(DELIVERIES)
