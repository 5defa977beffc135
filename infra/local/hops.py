"""What is known about the way of an execution: what its agent logged and what the event bus told, in words."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from chalicelib.kit.clock import parse_time
from infra.local.agents import SampleAgent

AGENT_STEPS = {
    "execution.wake_up": "woken up over the WebSocket",
    "execution.fetched": "fetched",
    "execution.started": "started",
    "execution.finished": "finished",
    "execution.reported": "result accepted",
}
"""What an agent logs about an execution."""

EVENT_STEPS = {
    "edge.command_execution.created": "execution created",
    "edge.command_execution.sent": "acknowledged",
    "edge.command_execution.completed": "completed",
}
"""What the event bus tells about an execution."""


def agent_moments(agent: SampleAgent, execution_id: str) -> dict[str, datetime]:
    """When the agent first did what for an execution, by the names of its log."""
    moments: dict[str, datetime] = {}
    for event in agent.events():
        if event.get("execution_id") == execution_id and event["event"] in AGENT_STEPS:
            moments.setdefault(event["event"], parse_time(event["at"]))
    return moments


def steps_of(
    agent: SampleAgent, envelopes: Iterable[Mapping[str, Any]], execution_id: str
) -> list[tuple[datetime, str]]:
    """Everything that is known about an execution, in words. In no order."""
    logged = [(at, AGENT_STEPS[event]) for event, at in agent_moments(agent, execution_id).items()]
    told = [
        (parse_time(envelope["time"]), EVENT_STEPS[envelope["type"]])
        for envelope in envelopes
        if subject_of(envelope) == execution_id and envelope["type"] in EVENT_STEPS
    ]
    return [*logged, *told]


def subject_of(envelope: Mapping[str, Any]) -> str:
    """The id of the execution that an event is about; empty for an event about something else."""
    return str(envelope["data"].get("command_execution_id", ""))
