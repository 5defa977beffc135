"""The life of a hosted node: which build may begin, and what becomes of the node with each of its steps. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.errors import conflict
from chalicelib.machines.hosted.model import Action, Build, BuildStatus, HostedNode, Phase, Status
from chalicelib.machines.hosted.ports import Progress

KEPT_BUILDS = 50
"""The builds of a node that are kept."""

FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 120
"""The pauses between two looks at a build under way: events of its machine come sooner."""

GRACE = timedelta(seconds=60)
"""The time that a message has to arrive after its due time, before the sweep sends another."""

WEBHOOK_OUTLIVES = timedelta(days=2)
"""How long after the end of a node its webhook stays, so that its last status is delivered and retried."""

DESTROYED_STAYS = timedelta(days=92)
"""How long a destroyed node stays readable: 90 days beyond its webhook. Its row is removed some hours later."""

WITHIN: Mapping[Action, timedelta] = {
    Action.CREATE: timedelta(minutes=25),
    Action.START: timedelta(minutes=15),
    Action.STOP: timedelta(minutes=15),
    Action.UPGRADE: timedelta(hours=4),
    Action.SETTINGS: timedelta(minutes=15),
    Action.DESTROY: timedelta(minutes=40),
}
"""How long a build of each action may take. An instance has 15 minutes to enrol and 30 to go; a self-update waits three
hours for an agent (SELF_UPDATE_DEADLINE_SECONDS)."""

DURING: Mapping[Action, Status | None] = {
    Action.CREATE: Status.IN_PROGRESS,
    Action.START: Status.STARTING,
    Action.STOP: Status.IN_PROGRESS,
    Action.UPGRADE: Status.IN_PROGRESS,
    Action.SETTINGS: None,
    Action.DESTROY: Status.IN_PROGRESS,
}
"""The status of a node during a build of each action; None: as before."""

_ALLOWED: Mapping[Action, frozenset[Status]] = {
    Action.START: frozenset({Status.PAUSED, Status.FAILED}),
    Action.STOP: frozenset({Status.RUNNING}),
    Action.UPGRADE: frozenset({Status.RUNNING}),
    Action.SETTINGS: frozenset({Status.RUNNING, Status.PAUSED, Status.FAILED}),
    Action.DESTROY: frozenset({Status.RUNNING, Status.PAUSED, Status.FAILED}),
}


def check_may_begin(node: HostedNode, action: Action) -> None:
    """Raises `EdgeError` (conflict) while another build is under way, and in a status that does not allow the
    action."""
    if node.build.is_under_way:
        raise conflict(
            f"Build {node.build.number} of this node, {node.build.action}, is in progress: one is carried out at a time"
        )
    if node.status not in _ALLOWED[action]:
        allowed = " or ".join(sorted(_ALLOWED[action]))
        raise conflict(f"The node is {node.status}: {action} needs a node that is {allowed}")


def new_build(action: Action, build_id: str, number: int, now: datetime, webhook_url: str = "") -> Build:
    """A build that has just been asked for."""
    return Build(
        id=build_id,
        action=action,
        number=number,
        webhook_url=webhook_url,
        begun_at=to_seconds_text(now),
        deadline_at=to_seconds_text(now + WITHIN[action]),
    )


def begun(node: HostedNode, action: Action, build_id: str, now: datetime, webhook_url: str = "") -> HostedNode:
    """The node with a new build, due at once. Raises `EdgeError` (conflict) as `check_may_begin`
    does."""
    check_may_begin(node, action)
    build = new_build(action, build_id, node.build.number + 1, now, webhook_url)
    status = DURING[action] or node.status
    return _changed(
        node,
        now,
        builds=(*node.builds, build)[-KEPT_BUILDS:],
        status=status,
        told=status.value,
        attempts=0,
        due_at=to_seconds_text(now),
    )


def progressed(node: HostedNode, progress: Progress, now: datetime) -> HostedNode:
    """The node after a step of its build. A build that has not ended by its deadline has failed."""
    build = node.build
    if progress.status is BuildStatus.IN_PROGRESS and to_seconds_text(now) > build.deadline_at:
        progress = _too_late(build, progress)
    if progress.status is BuildStatus.IN_PROGRESS:
        moved = build.model_copy(update={"phase": progress.phase, "reason": progress.reason})
        attempts = 0 if progress.phase is not build.phase else node.attempts + 1
        return _changed(
            node,
            now,
            builds=(*node.builds[:-1], moved),
            told=node.status.value,
            attempts=attempts,
            due_at=next_look(now, attempts),
        )
    return _ended(node, progress, now)


def settled(node: HostedNode, progress: Progress, now: datetime) -> HostedNode:
    """The node without a build under way, after a look at its machine. One that was never completed stays as it is."""
    status = progress.rest or node.status
    if not node.is_initialized or status is node.status:
        return node
    return _changed(node, now, status=status, reason=progress.reason, told=status.value)


def may_forget_webhook(node: HostedNode, now: datetime) -> bool:
    """Whether the time of a destroyed node's webhook is over."""
    return node.webhook_until is not None and node.webhook_until <= to_seconds_text(now)


def without_webhook(node: HostedNode, now: datetime) -> HostedNode:
    """The destroyed node after its webhook has been removed."""
    return _changed(node, now, webhook_until=None, due_at=None)


def claimed(node: HostedNode, now: datetime) -> HostedNode:
    """The node when a sweep has queued it: it becomes due again, in case the message is lost."""
    return node.model_copy(update={"due_at": next_look(now, node.attempts)})


def wait_seconds(attempts: int) -> int:
    """The pause before the next look at something that was looked at so often before."""
    factor: int = 2 ** min(attempts, 8)
    return min(FIRST_WAIT_SECONDS * factor, LONGEST_WAIT_SECONDS)


def next_look(now: datetime, attempts: int) -> str:
    """When the sweep looks, if the message for the next look is lost."""
    return to_seconds_text(now + timedelta(seconds=wait_seconds(attempts)) + GRACE)


def _too_late(build: Build, progress: Progress) -> Progress:
    minutes = (parse_time(build.deadline_at) - parse_time(build.begun_at)) // timedelta(minutes=1)
    waited_for = f": {progress.reason}" if progress.reason else ""
    return Progress(
        phase=Phase.COMPLETED,
        status=BuildStatus.FAILURE,
        reason=f"{build.action} did not end within {minutes} minutes{waited_for}",
        rest=progress.rest,
    )


def _ended(node: HostedNode, progress: Progress, now: datetime) -> HostedNode:
    is_success = progress.status is BuildStatus.SUCCESS
    action = node.build.action
    ended = node.build.model_copy(
        update={
            # The phase of a failed build is the one that it failed in.
            "phase": progress.phase if is_success else node.build.phase,
            "status": progress.status,
            "reason": progress.reason,
            "ended_at": to_seconds_text(now),
        }
    )
    status = _status_after(node, progress)
    is_gone = status is Status.DESTROYED
    until = to_seconds_text(now + WEBHOOK_OUTLIVES) if is_gone and node.webhook_url else None
    values = {
        "builds": (*node.builds[:-1], ended),
        "status": status,
        "reason": _reason_after(node, progress, status),
        "told": status.value,
        "is_initialized": node.is_initialized or is_success,
        "program": progress.program or node.program,
        "attempts": 0,
        "webhook_until": until,
        "due_at": until,
        "expires_epoch": int((now + DESTROYED_STAYS).timestamp()) if is_gone else None,
    }
    if action is Action.SETTINGS and is_success:
        values["webhook_url"] = node.build.webhook_url
    return _changed(node, now, **values)


def _status_after(node: HostedNode, progress: Progress) -> Status:
    """A node that could not be made or removed has failed; one on which another action failed is what its machine
    is."""
    is_failure = progress.status is BuildStatus.FAILURE
    if is_failure and node.build.action in {Action.CREATE, Action.DESTROY}:
        return Status.FAILED
    return progress.rest or node.status


def _reason_after(node: HostedNode, progress: Progress, status: Status) -> str:
    """Why the node has failed: its build did, or it had failed before and this build changed nothing of that."""
    if status is not Status.FAILED:
        return ""
    return progress.reason or node.reason


def _changed(node: HostedNode, now: datetime, **values: object) -> HostedNode:
    return node.model_copy(update={**values, "updated_at": to_seconds_text(now)})
