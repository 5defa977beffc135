"""The elements of answers."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.kit.fields import about
from chalicelib.machines.analytics.model import Gap, Host, Instance, Signal, Topic, TopicCount, Usage
from chalicelib.machines.api.analytics.fields import EXAMPLE_INSTANCE, Pagination, Period, Shown
from chalicelib.web.validation import OneOf, Timestamp, nullable

TOPIC = about("Type of the event.", "command.succeeded")


class TopicOut(Period):
    """How often events of a type happened."""

    topic: Annotated[OneOf[Topic], TOPIC]
    count: Annotated[int, about("How often.", 12, minimum=1)]


class SignalOut(Shown):
    """A notable change."""

    time: Annotated[Timestamp, about("When it happened.", "2026-11-28T10:00:00.123456Z")]
    topic: Annotated[OneOf[Topic], TOPIC]
    text: Annotated[str, about("What happened, for people.", "status changed from healthy to unreachable")]


class GapOut(Shown):
    """A time without contact with the agent."""

    start: Annotated[datetime, Field(alias="from"), about("The last sign of life.", "2026-11-28T10:00:00Z")]
    end: Annotated[
        datetime | None,
        Field(alias="to"),
        about("The next sign of life, or when the node was deleted; null while it goes on.", "2026-11-28T10:12:30Z"),
    ]
    seconds: Annotated[float, about("Its length, until now if it goes on.", 750.0, minimum=0)]


class HostOut(Shown):
    """Averages of what the machine has pushed. A figure that it did not push is null."""

    samples: Annotated[int, about("Pushes with figures.", 24, minimum=1)]
    load: Annotated[float | None, about("Load average of a minute.", 0.31)]
    memory_percent: Annotated[float | None, about("Memory in use, in percent.", 37.5)]
    disk_percent: Annotated[float | None, about("Use of the file system at `/`, in percent.", 61.2)]


class UsageOut(Period):
    """The work of an instance in a period."""

    commands: Annotated[int, about("Commands that ended after its agent had taken them.", 12, minimum=0)]
    failed: Annotated[int, about("Those of them that failed or passed their deadline.", 1, minimum=0)]
    run_seconds: Annotated[float, about("Seconds that they ran, together.", 93.0, minimum=0)]
    output_bytes: Annotated[int, about("Bytes of output that is kept of them.", 18432, minimum=0)]
    uptime_share: Annotated[
        float | None,
        about("Part of the time in which its node was in contact; null without a node.", 0.9931, minimum=0, maximum=1),
    ]
    contact_seconds: Annotated[float, about("Seconds in which its node was in contact.", 85804.0, minimum=0)]
    silent_seconds: Annotated[float, about("Seconds of gaps, together.", 596.0, minimum=0)]
    host: Annotated[HostOut | None, nullable(HostOut), about("Figures of the machine; null where it pushed none.")]


class InstanceOut(Shown):
    """An instance, or a node that is not one."""

    id: Annotated[str, about("Id, also of its node.", EXAMPLE_INSTANCE, format="uuid")]
    name: Annotated[str | None, about("Name of the instance; null for a node that is not one.", "builder-3")]
    kind: Annotated[str, about("`instance` or `node`.", "instance")]
    state: Annotated[str | None, about("State of the instance; null for a node that is not one.", "ready")]
    status: Annotated[str | None, about("Status of its node; null without one.", "healthy")]
    cluster_name: Annotated[str | None, about("Cluster of its node.", "north")]
    first_seen_at: Annotated[Timestamp, about("When analytics first heard of it.", "2026-11-01T08:00:00Z")]
    deleted_at: Annotated[Timestamp | None, about("When it was deleted; its history is kept for a while.", None)]


Element = TopicOut | SignalOut | GapOut | UsageOut


class QueryOut(Shown):
    """A page of a dataset."""

    elements: Annotated[list[Element], about("Elements of the dataset that was asked.")]
    pagination: Annotated[Pagination, about("Place of the elements.")]


class InstancesOut(Shown):
    """A page of instances."""

    elements: Annotated[list[InstanceOut], about("Instances, newest first.")]
    pagination: Annotated[Pagination, about("Place of the elements.")]


class SummaryOut(Shown):
    """An instance at a glance."""

    instance: Annotated[InstanceOut, about("Names and standing.")]
    day: Annotated[UsageOut, about("The last day, in whole hours.")]
    month: Annotated[UsageOut, about("The last 30 days.")]
    topics: Annotated[list[TopicOut], about("Events of the last 30 days by type, most frequent first.")]
    open_gap: Annotated[
        GapOut | None, nullable(GapOut), about("The gap that goes on; null while the node is in contact.")
    ]
    signals: Annotated[list[SignalOut], about("The last 10 signals of the last 30 days, newest first.")]


def topic_out(one: TopicCount) -> TopicOut:
    return TopicOut(start=one.span.start, end=one.span.end, topic=one.topic, count=one.count)


def signal_out(one: Signal) -> SignalOut:
    return SignalOut(time=one.at, topic=one.topic, text=one.text)


def gap_out(one: Gap, now: datetime) -> GapOut:
    return GapOut(start=one.start, end=one.end, seconds=((one.end or now) - one.start).total_seconds())


def usage_out(one: Usage) -> UsageOut:
    return UsageOut(
        start=one.span.start,
        end=one.span.end,
        commands=one.commands,
        failed=one.failed,
        run_seconds=one.run_seconds,
        output_bytes=one.output_bytes,
        uptime_share=one.uptime_share,
        contact_seconds=one.contact_seconds,
        silent_seconds=one.silent_seconds,
        host=None if one.host is None else _host_out(one.host),
    )


def _host_out(one: Host) -> HostOut:
    return HostOut(samples=one.samples, load=one.load, memory_percent=one.memory_percent, disk_percent=one.disk_percent)


def instance_out(one: Instance) -> InstanceOut:
    return InstanceOut(
        id=one.id,
        name=one.name or None,
        kind="instance" if one.is_instance else "node",
        state=one.state or None,
        status=one.status or None,
        cluster_name=one.cluster_name or None,
        first_seen_at=one.inserted_at,
        deleted_at=one.deleted_at,
    )
