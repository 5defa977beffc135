"""What the build of a hosted node uses beside its instance and its agent, which are priced by themselves."""

from functools import cache

from chalicelib.machines.hosted.model import BuildStatus, NewNode
from chalicelib.platform.provisioning.model import State
from tests.bench import prices
from tests.bench.prices import Usage
from tests.bench.prices_logs import logged, rest_line_bytes
from tests.bench.prices_world import PricedWorld
from tests.support.declared import FAMILIES
from tests.support.fakes.aws import FIRST_KEY
from tests.support.hosting import NETWORK, OWNER, TENANT, URL, Hosting

TOGETHER = 10
"""Builds of a world; what they share is divided by it."""

_ANSWER_BYTES = 2_000
"""A hosted node as JSON, rounded up."""

_TOLD_BY_THE_ENGINE = 2
"""Changes of its instance that a build hears of: made, and ready. A rule on the bus sends a message for each."""

_SIGNATURES = 2
"""Webhooks of a build, in progress and running, each signed by the key of KMS (RSA of 2048 bits: priced as others)."""


@cache
def build() -> Usage:
    """One build, from the request until the node runs and its webhook has been told of each status. Measured once in a
    process. Raises AssertionError for a build that does not succeed."""
    world = PricedWorld(families=FAMILIES, signing_key_id=FIRST_KEY)
    hosting = Hosting(world)
    before = world.spent
    for number in range(TOGETHER):
        with world.invocation("machines_api"):
            node = hosting.nodes.create(TENANT, OWNER, NewNode(name=f"node {number}", network=NETWORK, webhook_url=URL))
        world.spent += Usage(rest_requests=1, egress_bytes=_ANSWER_BYTES + prices.HEADERS.value)
        world.spent += logged(rest_line_bytes()) + Usage(sqs_requests=_TOLD_BY_THE_ENGINE, kms_calls=_SIGNATURES)
        hosting.settle()
        hosting.instance_is(node.id, State.CREATING, external={"id": "p"}, reason="waiting for the agent")
        hosting.instance_runs(node.id)
        assert hosting.get(node.id).build.status is BuildStatus.SUCCESS
    return (world.spent - before) * (1 / TOGETHER)
