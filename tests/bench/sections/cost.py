"""What AWS would charge: measured units, published prices. Run as a program it writes the tables of docs/cost.md
and docs/limits.md.

Lambda's durations are no measurement: they follow from the calls that were counted and the time that each is assumed to
take.
"""

from collections.abc import Iterable

from tests.bench import prices_document
from tests.bench import prices_model as model
from tests.bench.report import Figure

TITLE = "Money: USD of us-east-1, on demand, without free tiers"

MOST_FOR_AN_IDLE_NODE = 0.031
"""Dollars a month. A row of a node is above 1 KiB since machines tell facts and host keys: a new socket checks it for
2 units more."""


def measure(*, quick: bool) -> Iterable[Figure]:
    yield Figure("at rest without a node, a month", model.total(model.at_rest()).usd, "USD", counted=True)
    for place, beat in enumerate(model.BEATS_SECONDS):
        usd = model.total(model.idle_connected(model.Habits(beat))).usd
        target = None if place else MOST_FOR_AN_IDLE_NODE
        yield Figure(f"an idle node connected, a beat every {beat:.0f} s, a month", usd, "USD", target, counted=True)
    for poll in model.POLLS_SECONDS:
        usd = model.total(model.idle_polling(poll)).usd
        yield Figure(f"an idle node polling every {poll:.0f} s, a month", usd, "USD", counted=True)
    for what, usage in model.per_million().items():
        yield Figure(f"a million {what}", usage.usd, "USD", counted=True)
        if what.startswith("executions on connected"):
            logs = usage.by_service()["CloudWatch"]
            yield Figure(f"a million {what}: logs of it", logs, "USD", counted=True)
    for nodes in model.FLEETS:
        yield Figure(f"{nodes:,} idle connected nodes, a month", model.fleet(nodes).usd, "USD", counted=True)
        rented = model.systems_manager_usd(nodes)
        yield Figure(f"{nodes:,} nodes in Systems Manager's advanced tier, a month", rented, "USD", counted=True)
    for server in model.SERVERS:
        yield Figure(f"{server.what}, a month", model.server_usd(server), "USD", counted=True)


if __name__ == "__main__":
    prices_document.write()
