"""The interface between a node's build and what carries it out."""

from dataclasses import dataclass
from typing import Protocol

from chalicelib.machines.hosted.model import BuildStatus, HostedNode, Phase, Status


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The outcome of one step. ``phase`` is the phase after it; ``reason`` what the build waits for, or why it
    failed. ``rest`` is the status of the node if the build ended now, None for the one that it had before. ``program``
    is the version that the node runs, "" if the step did not see it. A build that has ended is in the phase
    `Phase.COMPLETED`."""

    phase: Phase
    status: BuildStatus = BuildStatus.IN_PROGRESS
    reason: str = ""
    rest: Status | None = None
    program: str = ""


def succeeded(rest: Status | None, *, program: str = "") -> Progress:
    """The end of a build that did what it should."""
    return Progress(phase=Phase.COMPLETED, status=BuildStatus.SUCCESS, rest=rest, program=program)


def failed(reason: str, rest: Status | None) -> Progress:
    """The end of a build that did not."""
    return Progress(phase=Phase.COMPLETED, status=BuildStatus.FAILURE, reason=reason, rest=rest)


class Builder(Protocol):
    """Carries out builds, step by step. A step looks, acts at most once, and returns; it may be repeated at any time,
    also beside itself. It writes no row of a node. Raises `EdgeError` (service unavailable) if it should be repeated
    later."""

    def step(self, tenant: str, node: HostedNode) -> Progress:
        """The next step of the node's newest build, which is under way."""
        ...

    def look(self, tenant: str, node: HostedNode) -> Progress:
        """The state of a node without a build under way: its ``rest``, and why."""
        ...

    def forget(self, node: HostedNode) -> None:
        """Remove what was kept of a destroyed node."""
        ...
