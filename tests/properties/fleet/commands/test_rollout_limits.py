"""The limits of a rollout hold whatever ends in which order."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.commands.rollout import MOST_OUT, Rollout, RolloutLimits, RolloutState

MOST = st.integers(1, MOST_OUT) | st.integers(1, 100).map("{}%".format)
ERRORS = st.none() | st.integers(0, 50) | st.integers(0, 100).map("{}%".format)


def found(total, limits):
    return Rollout(limits=limits, to_find=("shard#0",)).found(total, 1, None)


def give(rollout, dropped=0):
    """Hand out as many as may be made, of which some turn out to be gone."""
    slots = range(rollout.given, rollout.given + rollout.room)
    gone = min(dropped, len(slots))
    return rollout.handed_out(list(slots)[gone:], rollout.given + len(slots), dropped=gone)


@given(st.integers(0, 1500), MOST, ERRORS, st.randoms(use_true_random=False))
def test_rollout_keeps_its_limits_and_its_total_in_every_order(total, most, errors, random):
    rollout = found(total, RolloutLimits(max_concurrency=most, max_errors=errors))
    made = ended = 0
    while not rollout.has_ended:
        before = len(rollout.out)
        rollout = give(rollout, dropped=random.choice((0, 0, 1)))
        made += len(rollout.out) - before
        assert len(rollout.out) <= rollout.most_out
        assert ended + len(rollout.out) + rollout.waiting + rollout.dropped == total
        ends = {slot: random.random() < 0.5 for slot in rollout.out if random.random() < 0.4}
        after = rollout.ended(ends)
        assert after.ended(ends) == after, "an end that is told twice counts once"
        ended += len(ends)
        rollout = after
    if rollout.state is RolloutState.FINISHED:
        assert (rollout.waiting, rollout.out, made + rollout.dropped) == (0, (), total)
    else:
        assert rollout.room == 0


@given(st.sampled_from((1, 7, 50)), st.randoms(use_true_random=False))
def test_rollout_to_1000_failing_nodes_makes_60_at_most(at_once, random):
    rollout = give(found(1000, RolloutLimits(max_concurrency=50, max_errors=10)))
    made = len(rollout.out)
    while not rollout.has_ended:
        failed = random.sample(rollout.out, min(at_once, len(rollout.out)))
        before = rollout.ended(dict.fromkeys(failed, True))
        rollout = give(before)
        made += len(rollout.out) - len(before.out)
    assert made <= 60
    assert rollout.state is RolloutState.STOPPED
