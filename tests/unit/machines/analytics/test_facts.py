"""What each fact tells of an instance."""

import pytest

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
from chalicelib.kit.clock import parse_time
from chalicelib.machines.analytics.facts import OF_MACHINES, entry_of
from chalicelib.machines.analytics.model import Contact, Topic
from chalicelib.platform.events.facts import Fact

NODE = "019a5f3e-7b1c-7d2e-9a4f-3c5d6e7f8a9b"
AT = "2026-11-21T10:00:00.123456Z"


def told(kind, at=AT, **data):
    return entry_of(Fact("fact-1", kind, at, {"node_id": NODE, **data}))


def of_node(kind, **data):
    standing = {"status": "healthy", "cluster_name": "north", "last_seen_at": "2026-11-21T09:55:00Z", "version": 7}
    return told(kind, **{**standing, **data})


@pytest.mark.parametrize(
    ("kind", "data", "topic", "text"),
    [
        (NODE_ENROLLED, {}, Topic.NODE_ENROLLED, "enrolled in cluster north"),
        (NODE_DELETED, {}, Topic.NODE_DELETED, "left the fleet"),
        (
            NODE_STATUS_CHANGED,
            {"previous_status": "unhealthy"},
            Topic.NODE_STATUS,
            "status changed from unhealthy to healthy",
        ),
        (
            NODE_VERSION_CHANGED,
            {"previous_agent_version": "1.0", "agent_version": "1.1"},
            Topic.NODE_VERSION,
            "version of the agent changed from 1.0 to 1.1",
        ),
        (
            NODE_CLUSTER_CHANGED,
            {"previous_cluster_name": "south"},
            Topic.NODE_MOVED,
            "moved from cluster south to north",
        ),
    ],
)
def test_change_of_a_node_is_a_signal(kind, data, topic, text):
    entry = of_node(kind, **data)

    assert (entry.instance_id, entry.topic, entry.text, entry.at) == (NODE, topic, text, parse_time(AT))


def test_silence_is_dated_back_to_the_last_sign_of_life():
    entry = of_node(NODE_STATUS_CHANGED, status="unreachable", previous_status="healthy")

    assert (entry.transition.before, entry.transition.after) == (Contact.UP, Contact.DOWN)
    assert entry.transition.since == parse_time("2026-11-21T09:55:00Z")


def test_silence_without_the_last_sign_of_life_begins_when_it_was_written():
    entry = told(NODE_STATUS_CHANGED, status="unreachable", previous_status="healthy", cluster_name="north")

    assert entry.transition.since == parse_time(AT)


def test_change_between_reachable_statuses_is_not_one_of_contact():
    assert of_node(NODE_STATUS_CHANGED, previous_status="unhealthy").transition is None


@pytest.mark.parametrize("status", ["healthy", "unreachable"])
def test_deleted_node_is_gone_whatever_its_status(status):
    entry = of_node(NODE_DELETED, status=status)

    assert (entry.transition.after, entry.node.state) == (Contact.ABSENT, "")


def test_facts_of_one_time_are_ordered_by_version_and_deletion_is_last():
    keys = [
        of_node(NODE_STATUS_CHANGED, version=9).node.key,
        of_node(NODE_STATUS_CHANGED, version=10).node.key,
        of_node(NODE_DELETED, version=10).node.key,
    ]

    assert keys == sorted(set(keys))


@pytest.mark.parametrize(
    ("outcome", "topic", "failed", "is_signal"),
    [
        ("succeeded", Topic.COMMAND_SUCCEEDED, 0, False),
        ("failed", Topic.COMMAND_FAILED, 1, True),
        ("cancelled", Topic.COMMAND_CANCELLED, 0, False),
        ("expired", Topic.COMMAND_EXPIRED, 1, False),
    ],
)
def test_end_of_a_command_that_ran_is_work(outcome, topic, failed, is_signal):
    entry = told(
        EXECUTION_ENDED,
        command_id="c-1",
        outcome=outcome,
        exit_code=3,
        was_run=True,
        run_seconds=12,
        output_bytes=40,
    )

    assert entry.topic is topic
    assert entry.figures == {"commands": 1, "failed": failed, "run_seconds": 12, "output_bytes": 40}
    assert entry.text == ("command c-1 failed with exit code 3" if is_signal else "")


def test_command_that_no_agent_took_is_no_work():
    entry = told(EXECUTION_ENDED, command_id="c-1", outcome="expired", was_run=False, run_seconds=0, output_bytes=0)

    assert (entry.topic, entry.figures) == (Topic.COMMAND_EXPIRED, {})


def test_refused_login_is_a_signal():
    entry = told(LOGIN_REFUSED, auth_method="public_key")

    assert (entry.topic, entry.text) == (Topic.LOGIN_REFUSED, "a login over SSH with a public key was refused")


def test_pushed_figures_are_summed_in_hundredths_and_missing_ones_left_out():
    entry = told(METRICS_PUSHED, load=0.31, memory_percent=37.5, disk_percent=None)

    assert entry.figures == {
        "host_samples": 1,
        "load_sum": 31,
        "load_samples": 1,
        "memory_percent_sum": 3750,
        "memory_percent_samples": 1,
    }


def test_fact_of_another_type_tells_nothing():
    assert told("fleet.cluster.created") is None
    assert "fleet.cluster.created" not in OF_MACHINES


@pytest.mark.parametrize("data", [{}, {"outcome": "exploded", "command_id": "c-1"}])
def test_fact_that_lacks_its_form_is_refused(data):
    with pytest.raises((KeyError, ValueError)):
        told(EXECUTION_ENDED, **data)
