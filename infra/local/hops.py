"""Describes the way of an execution from the log of its agent and the events on the bus."""

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
"""The steps of an execution that its agent logs: text by log event."""

EVENT_STEPS = {
    "edge.command_execution.created": "execution created",
    "edge.command_execution.sent": "acknowledged",
    "edge.command_execution.completed": "completed",
}
"""The steps of an execution that are published: text by event type."""


def agent_moments(agent: SampleAgent, execution_id: str) -> dict[str, datetime]:
    """The first time of each step of an execution in the log of its agent, by log event."""
    moments: dict[str, datetime] = {}
    for event in agent.events():
        if event.get("execution_id") == execution_id and event["event"] in AGENT_STEPS:
            moments.setdefault(event["event"], parse_time(event["at"]))
    return moments


def steps_of(
    agent: SampleAgent, envelopes: Iterable[Mapping[str, Any]], execution_id: str
) -> list[tuple[datetime, str]]:
    """The known steps of an execution, as time and text, unsorted."""
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
