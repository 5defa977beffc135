"""Self-update requests: made, asked for by agents, and deleted; a completed one adds up."""

from collections import Counter

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.store import NODE_UPDATES, REQUESTS
from tests.simulation.scene import Scene, Simulation


def request_update(scene: Scene) -> None:
    scene.fleet.updates.requests.create(Targeting(type=TargetType.ALL), reach=EVERYWHERE)


def delete_request(scene: Scene) -> None:
    scene.fleet.updates.requests.delete(str(scene.some_row(REQUESTS)["id"]), reach=EVERYWHERE)


def updates_are_of_requests(scene: Scene) -> None:
    ids = {row["id"] for row in scene.rows(REQUESTS)}
    lost = {row["request_id"] for row in scene.rows(NODE_UPDATES)} - ids
    assert not lost, f"nodes outlived their requests: {lost}"


def summaries_are_those_of_the_rows(scene: Scene) -> None:
    rows = scene.rows(NODE_UPDATES)
    for request in scene.rows(REQUESTS):
        if request["status"] == "completed":
            states = Counter(str(row["state"]) for row in rows if row["request_id"] == request["id"])
            told = states["triggered"] + states["updated"]
            ended = {"triggered": told, "failed": states["failed"], "updated": states["updated"]}
            assert request["summary"] == {"total": states.total(), **ended}, f"{request['summary']} against {states}"


def the_total_is_that_of_the_rows(scene: Scene) -> None:
    counted, there = scene.world.platform.counters.read(REQUESTS.name), len(scene.rows(REQUESTS))
    assert counted == there, f"{counted} requests are counted, {there} are there"


SIMULATION = Simulation(
    operations=(request_update, delete_request),
    invariants=(updates_are_of_requests, summaries_are_those_of_the_rows, the_total_is_that_of_the_rows),
)
