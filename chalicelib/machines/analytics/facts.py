"""Turns facts of other contexts into what they tell of an instance. Pure.

The same fact always gives the same entry, so that repeats and a replay of the change stream add nothing.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from chalicelib.fleet.facts import (
    EXECUTION_ENDED,
    LOGIN_REFUSED,
    METRICS_PUSHED,
    NODE_CLUSTER_CHANGED,
    NODE_DELETED,
    NODE_ENROLLED,
    NODE_STATUS_CHANGED,
    NODE_VERSION_CHANGED,
)
from chalicelib.kit.clock import parse_time, to_microseconds_text
from chalicelib.machines.analytics.model import Contact, Entry, Made, Standing, Topic, Transition
from chalicelib.machines.instances.model import INSTANCE
from chalicelib.platform.events.facts import Fact
from chalicelib.platform.provisioning.changes import RESOURCE_CHANGED
from chalicelib.platform.provisioning.model import State

_UNREACHABLE = "unreachable"

_OUTCOMES = {
    "succeeded": Topic.COMMAND_SUCCEEDED,
    "failed": Topic.COMMAND_FAILED,
    "cancelled": Topic.COMMAND_CANCELLED,
    "dropped": Topic.COMMAND_CANCELLED,
    "expired": Topic.COMMAND_EXPIRED,
}
_PERCENT = 100
"""Load and percentages are summed in hundredths: rows hold integers."""


def entry_of(fact: Fact) -> Entry | None:
    """The entry of a fact; None for a fact that tells nothing of an instance. Raises `KeyError`, `ValueError` for a
    fact that does not have its form."""
    make = _MAKERS.get(fact.type)
    return None if make is None else make(fact, parse_time(fact.time))


def _node_enrolled(fact: Fact, at: datetime) -> Entry:
    cluster = fact.data.get("cluster_name")
    return _of_node(fact, at, Topic.NODE_ENROLLED, f"enrolled in cluster {cluster}", before=Contact.ABSENT)


def _node_deleted(fact: Fact, at: datetime) -> Entry:
    return _of_node(fact, at, Topic.NODE_DELETED, "left the fleet", after=Contact.ABSENT)


def _node_status(fact: Fact, at: datetime) -> Entry:
    before, after = fact.data.get("previous_status"), fact.data["status"]
    text = f"status changed from {before} to {after}"
    return _of_node(fact, at, Topic.NODE_STATUS, text, before=_contact(before))


def _node_version(fact: Fact, at: datetime) -> Entry:
    before, after = fact.data.get("previous_agent_version"), fact.data.get("agent_version")
    return _of_node(fact, at, Topic.NODE_VERSION, f"version of the agent changed from {before} to {after}")


def _node_moved(fact: Fact, at: datetime) -> Entry:
    before, after = fact.data.get("previous_cluster_name"), fact.data.get("cluster_name")
    return _of_node(fact, at, Topic.NODE_MOVED, f"moved from cluster {before} to {after}")


def _of_node(
    fact: Fact, at: datetime, topic: Topic, text: str, *, before: Contact | None = None, after: Contact | None = None
) -> Entry:
    """A change of a node. ``before`` and ``after`` are its contact, None for that of its status."""
    data = fact.data
    status = _contact(data.get("status"))
    before, after = before or status, after or status
    key = f"{to_microseconds_text(at)}#{data.get('version', 0):012}#{int(after is Contact.ABSENT)}"
    # Facts of an earlier release do not have it.
    heard_at = data.get("last_seen_at")
    since = min(at, parse_time(heard_at)) if after is Contact.DOWN and heard_at else at
    is_gone = after is Contact.ABSENT
    return Entry(
        fact.id,
        str(data["node_id"]),
        topic,
        at,
        text,
        transition=None if before is after else Transition(key, at, since, before, after),
        node=Standing(key, "" if is_gone else str(data.get("status", "")), str(data.get("cluster_name") or "")),
    )


def _contact(status: object) -> Contact:
    return Contact.DOWN if status == _UNREACHABLE else Contact.UP


def _instance_changed(fact: Fact, at: datetime) -> Entry | None:
    """Other changes of an instance than those of its state tell nothing here."""
    data = fact.data
    before, after = data.get("previous_state"), str(data["state"])
    if data["kind"] != INSTANCE or before == after:
        return None
    is_gone = after == State.GONE
    power = f" (power {data['power']})" if data.get("power") else ""
    change = f"state changed from {before} to {after}{power}" if before else "the instance was asked for"
    reason = f": {data['reason']}" if data.get("reason") else ""
    key = f"{to_microseconds_text(at)}#{int(is_gone)}"
    return Entry(
        fact.id,
        str(data["id"]),
        Topic.INSTANCE_STATE,
        at,
        f"{change}{reason}",
        resource=Standing(key, "" if is_gone else after, name=str(data["name"])),
        made=Made(str(data["tenant"]), str(data["name"])),
    )


def _execution_ended(fact: Fact, at: datetime) -> Entry:
    data = fact.data
    topic = _OUTCOMES[data["outcome"]]
    figures = {}
    if data.get("was_run"):
        is_failed = topic is Topic.COMMAND_FAILED or topic is Topic.COMMAND_EXPIRED
        figures = {
            "commands": 1,
            "failed": int(is_failed),
            "run_seconds": int(data.get("run_seconds", 0)),
            "output_bytes": int(data.get("output_bytes", 0)),
        }
    text = f"command {data['command_id']} failed with exit code {data.get('exit_code')}"
    return Entry(
        fact.id, str(data["node_id"]), topic, at, text if topic is Topic.COMMAND_FAILED else "", figures=figures
    )


def _login_refused(fact: Fact, at: datetime) -> Entry:
    method = str(fact.data["auth_method"]).replace("_", " ")
    text = f"a login over SSH with a {method} was refused"
    return Entry(fact.id, str(fact.data["node_id"]), Topic.LOGIN_REFUSED, at, text)


def _metrics_pushed(fact: Fact, at: datetime) -> Entry:
    figures = {"host_samples": 1}
    for name in ("load", "memory_percent", "disk_percent"):
        value = fact.data.get(name)
        if value is not None:
            figures |= {f"{name}_sum": round(value * _PERCENT), f"{name}_samples": 1}
    return Entry(fact.id, str(fact.data["node_id"]), Topic.METRICS_PUSHED, at, figures=figures)


_MAKERS: Mapping[str, Callable[[Fact, datetime], Entry | None]] = {
    NODE_ENROLLED: _node_enrolled,
    NODE_DELETED: _node_deleted,
    NODE_STATUS_CHANGED: _node_status,
    NODE_VERSION_CHANGED: _node_version,
    NODE_CLUSTER_CHANGED: _node_moved,
    EXECUTION_ENDED: _execution_ended,
    LOGIN_REFUSED: _login_refused,
    METRICS_PUSHED: _metrics_pushed,
    RESOURCE_CHANGED: _instance_changed,
}

OF_MACHINES = tuple(name for name in _MAKERS if name != RESOURCE_CHANGED)
"""The types of facts that tell something of an instance by the node that it is."""
