"""Containers that share a limit, against a model of one bucket."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.kit.ids import to_milliseconds
from chalicelib.platform.limits.rules import WINDOW_MS
from tests.unit.platform.limits.containers import Containers

COUNT = 4

STEPS = st.lists(
    st.tuples(st.integers(0, 20_000), st.integers(0, COUNT - 1), st.integers(1, 150)), min_size=1, max_size=25
)
"""Milliseconds that pass, the container that is asked then, and the number of requests at once."""


@dataclass
class Bucket:
    """The plain thing: so many tokens, refilled continuously."""

    size: int
    milliseconds_each: float
    tokens: float = field(init=False)
    at_ms: int = 0

    def __post_init__(self) -> None:
        self.tokens = self.size

    def has_one(self, now_ms: int) -> bool:
        refilled = self.tokens + (now_ms - self.at_ms) / self.milliseconds_each
        self.tokens, self.at_ms = min(self.size, refilled), now_ms
        return self.tokens >= 1 - 1e-9

    def take(self) -> None:
        self.tokens -= 1


@settings(max_examples=60, deadline=None)
@given(per_minute=st.integers(1, 99), steps=STEPS)
def test_exact_limit_over_containers_grants_what_one_bucket_does(per_minute, steps):
    containers = Containers(COUNT, per_minute)
    model = Bucket(per_minute, containers.limit.cost_ms)
    refused_until_ms = [0] * COUNT
    for milliseconds, index, requests in steps:
        containers.clock.advance(milliseconds / 1000)
        now_ms = to_milliseconds(containers.clock.now())
        for _ in range(requests):
            standing = containers.ask(index)
            if not standing.wait_seconds:
                assert model.has_one(now_ms)
                model.take()
            else:
                # Refused as long as it said, even if the bucket has one some milliseconds before that.
                assert not model.has_one(now_ms) or now_ms < refused_until_ms[index]
                refused_until_ms[index] = max(refused_until_ms[index], now_ms + 1000 * standing.wait_seconds)


@settings(max_examples=60, deadline=None)
@given(
    per_minute=st.sampled_from([100, 600, 1_000, 6_000, 60_000]),
    steps=STEPS,
    ahead_ms=st.dictionaries(st.integers(0, COUNT - 1), st.integers(0, 4_000)),
)
def test_shared_limit_is_exceeded_by_own_shares_blocks_and_skew_at_most(per_minute, steps, ahead_ms):
    containers = Containers(COUNT, per_minute, ahead_ms)
    limit = containers.limit
    granted: list[tuple[int, int]] = []
    for milliseconds, index, requests in steps:
        containers.clock.advance(milliseconds / 1000)
        granted.append((to_milliseconds(containers.clock.now()), containers.granted(requests, index)))

    per_ms = limit.block / limit.cost_ms
    skew_ms = max(ahead_ms.values(), default=0)
    for first, (start_ms, _) in enumerate(granted):
        total = 0
        for end_ms, count in granted[first:]:
            total += count
            passed_ms = end_ms - start_ms
            of_row = (WINDOW_MS + passed_ms + skew_ms) * per_ms
            of_each = limit.own.burst + passed_ms / limit.own.milliseconds_each + limit.block
            assert total <= of_row + COUNT * of_each


@settings(max_examples=60, deadline=None)
@given(per_minute=st.sampled_from([100, 600, 6_000, 60_000]), steps=STEPS)
def test_shared_limit_refuses_nobody_before_all_but_a_block_each_is_used(per_minute, steps):
    containers = Containers(COUNT, per_minute)
    used = 0
    for milliseconds, index, requests in steps:
        containers.clock.advance(milliseconds / 1000)
        for _ in range(requests):
            if containers.ask(index).wait_seconds:
                assert used > per_minute - (COUNT + 1) * containers.limit.block
                return
            used += 1
