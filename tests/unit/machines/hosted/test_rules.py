"""The rules of hosted nodes."""

from datetime import timedelta

import pytest

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError
from chalicelib.machines.hosted import rules
from chalicelib.machines.hosted.model import Action, BuildStatus, HostedNode, Phase, Status
from chalicelib.machines.hosted.ports import Progress, failed, succeeded
from tests.support.fakes.clock import START

NOW = START


def a_node(status: Status = Status.RUNNING, **values) -> HostedNode:
    """A node whose first build has succeeded."""
    build = rules.new_build(Action.CREATE, "b1", 1, NOW)
    done = build.model_copy(update={"status": BuildStatus.SUCCESS, "phase": Phase.COMPLETED})
    text = to_seconds_text(NOW)
    given = {"status": status, "builds": (done,), "is_initialized": True, **values}
    return HostedNode(
        id="n", owner="o", name="x", network="regtest", cluster_name="regtest", template_id="t", zone="z",
        inserted_at=text, updated_at=text, **given,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        (Action.START, {Status.PAUSED, Status.FAILED}),
        (Action.STOP, {Status.RUNNING}),
        (Action.UPGRADE, {Status.RUNNING}),
        (Action.SETTINGS, {Status.RUNNING, Status.PAUSED, Status.FAILED}),
        (Action.DESTROY, {Status.RUNNING, Status.PAUSED, Status.FAILED}),
    ],
)
def test_action_begins_in_the_statuses_that_allow_it_alone(action: Action, allowed: set[Status]) -> None:
    for status in allowed:
        rules.check_may_begin(a_node(status), action)
    needed = f"{action} needs a node that is {' or '.join(sorted(allowed))}"
    for status in set(Status) - allowed:
        with pytest.raises(EdgeError, match=f"The node is {status}: {needed}"):
            rules.check_may_begin(a_node(status), action)


def test_build_under_way_is_named_by_the_refusal_of_another() -> None:
    busy = rules.begun(a_node(), Action.STOP, "b2", NOW)

    with pytest.raises(EdgeError, match="Build 2 of this node, STOP, is in progress: one is carried out at a time"):
        rules.begun(busy, Action.START, "b3", NOW)


def test_builds_are_numbered_on_and_the_oldest_are_dropped() -> None:
    node = a_node()
    for number in range(2, rules.KEPT_BUILDS + 10):
        node = rules.progressed(rules.begun(node, Action.UPGRADE, f"b{number}", NOW), succeeded(Status.RUNNING), NOW)

    assert len(node.builds) == rules.KEPT_BUILDS
    assert [build.number for build in node.builds] == list(range(10, rules.KEPT_BUILDS + 10))


def test_failed_build_keeps_the_phase_that_it_failed_in() -> None:
    node = rules.progressed(rules.begun(a_node(), Action.UPGRADE, "b2", NOW), Progress(phase=Phase.CONFIGURING), NOW)

    ended = rules.progressed(node, failed("no", Status.RUNNING), NOW)

    assert (ended.build.phase, ended.build.status, ended.build.reason) == (
        Phase.CONFIGURING,
        BuildStatus.FAILURE,
        "no",
    )


@pytest.mark.parametrize("action", [Action.CREATE, Action.DESTROY])
def test_node_that_cannot_be_made_or_removed_has_failed_whatever_its_machine_is(action: Action) -> None:
    build = rules.new_build(action, "b2", 2, NOW)
    node = a_node(Status.IN_PROGRESS, builds=(build,), is_initialized=False)

    assert rules.progressed(node, failed("no", Status.RUNNING), NOW).status is Status.FAILED


def test_progress_after_the_deadline_is_a_failure_and_an_end_is_not() -> None:
    late = NOW + rules.WITHIN[Action.STOP] + timedelta(seconds=1)
    node = rules.begun(a_node(), Action.STOP, "b2", NOW)

    waiting = rules.progressed(node, Progress(phase=Phase.CONFIGURING, rest=Status.RUNNING), late)
    ended = rules.progressed(node, succeeded(Status.PAUSED), late)

    assert (waiting.build.status, waiting.build.reason) == (
        BuildStatus.FAILURE,
        "STOP did not end within 15 minutes",
    )
    assert waiting.status is Status.RUNNING
    assert ended.status is Status.PAUSED


def test_pauses_grow_up_to_the_longest() -> None:
    waits = [rules.wait_seconds(attempts) for attempts in range(100)]

    assert waits[:3] == [5, 10, 20]
    assert waits == sorted(waits)
    assert waits[-1] == rules.LONGEST_WAIT_SECONDS


def test_node_that_was_never_completed_does_not_follow_its_machine() -> None:
    node = a_node(Status.FAILED, is_initialized=False)

    assert rules.settled(node, Progress(phase=Phase.COMPLETED, rest=Status.RUNNING), NOW) is node
