"""The toy family on the whole application: its API, its worker, its sweep, its event, and facts from the fleet."""

import pytest

from chalicelib.theatre.api import API as THEATRE
from chalicelib.theatre.wiring import Theatre
from tests.support.callers import operator
from tests.support.client import MASTER_KEY, Client
from tests.support.world import World

HOOK = "https://hooks.example.com/in"
PUPPETS = "/theatre/v1/puppets"
SECRET = "a-secret-of-at-least-32-characters"
KEY = {"x-theatre-key": MASTER_KEY}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def director(world):
    return Client(THEATRE.groups(), world.platform.container(Theatre), api=THEATRE, key=None)


def created(director, name="Kasper"):
    answer = director.post(PUPPETS, json={"name": name}, headers=KEY)
    assert answer.status == 201
    return answer.json["id"]


def test_wrong_key_is_refused_in_the_familys_own_shape(director):
    answer = director.get(PUPPETS, headers={"x-theatre-key": "wrong"})
    assert (answer.status, answer.headers["x-error"]) == (401, "unauthorized")
    assert answer.json == {"error_code": "unauthorized", "message": "Unauthorized"}


def test_unknown_puppet_is_404_in_the_familys_own_shape(director):
    answer = director.get(f"{PUPPETS}/01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee", headers=KEY)
    assert (answer.status, answer.json["error_code"]) == (404, "not_found")


def test_new_puppet_is_repaired_from_the_change_stream(director, world):
    puppet_id = created(director)
    world.settle(twice=True)
    assert director.get(f"{PUPPETS}/{puppet_id}", headers=KEY).json["state"] == "whole"


def test_puppet_with_a_lost_message_is_repaired_by_the_sweep(director, world):
    puppet_id = created(director)
    list(world.relay_batches())  # nobody relays these
    world.sweep("sweep_puppets")
    world.settle()
    assert director.get(f"{PUPPETS}/{puppet_id}", headers=KEY).json["state"] == "whole"


def test_repeat_of_a_creation_gets_the_first_answer_again(director):
    sent = {"json": {"name": "Kasper"}, "headers": {**KEY, "Idempotency-Key": "1"}}
    first, again = director.post(PUPPETS, **sent), director.post(PUPPETS, **sent)
    assert (again.status, again.text) == (first.status, first.text) == (201, first.text)
    assert again.headers["idempotency-replayed"] == "true"


def test_puppet_list_is_counted_by_state(director, world):
    for name in ("Kasper", "Gretel"):
        created(director, name)
    world.settle()
    counters = world.platform.counters
    assert (counters.read("puppets"), counters.read("puppets#state#whole")) == (2, 2)
    answer = director.get(PUPPETS, query={"state": "whole"}, headers=KEY)
    assert (answer.json["total"], len(answer.json["items"])) == (2, 2)


def test_repaired_puppet_is_delivered_to_webhooks(director, world):
    hook = {"url": HOOK, "secret": SECRET, "subscribed_events": ["theatre.puppet.repaired"]}
    assert operator(world).post("/api/v1/webhooks", json=hook).status == 201
    created(director)
    world.settle()
    (delivery,) = world.exchange.of("hooks.example.com")
    assert b'"theatre.puppet.repaired"' in delivery.body
