"""Executions in requests and answers."""

from typing import Annotated

from chalicelib.fleet import fields, samples
from chalicelib.fleet.commands.executions import SORTABLE
from chalicelib.fleet.commands.model import Outcome, Status
from chalicelib.kit.fields import about
from chalicelib.web.list_query import (
    BoolFilter,
    CountFilter,
    DateFilter,
    EnumFilter,
    ListQuery,
    OrderBy,
    TextFilter,
    UuidFilter,
    at_least,
    at_most,
    matching,
    ordering,
    since,
    until,
    whether,
)
from chalicelib.web.listed_filters import EachOneOf, TextsFilter, UuidsFilter, any_of
from chalicelib.web.spellings import SameAs, Spelled, another_name
from chalicelib.web.validation import OneOf, Timestamp


class ExecutionListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    status: Annotated[EnumFilter[Status], about("Only executions in this status.")] = None
    status__in: Annotated[str | None, EachOneOf(Status), any_of("`status`")] = None
    outcome: Annotated[EnumFilter[Outcome], about("Only executions with this outcome.")] = None
    target_all: Annotated[
        BoolFilter, whether("executions of commands for all nodes", "executions of commands for some nodes")
    ] = None
    exit_code: Annotated[CountFilter, about("Exactly this exit code.")] = None
    exit_code__gte: Annotated[CountFilter, at_least("exit code")] = None
    exit_code__lte: Annotated[CountFilter, at_most("exit code")] = None
    has_output: Annotated[BoolFilter, whether("executions with output", "executions without output")] = None
    output: Annotated[TextFilter, matching("the output")] = None
    command_id: Annotated[UuidFilter, about("Only executions of the command with this UUID.")] = None
    node_id: Annotated[UuidFilter, about("Only executions on the node with this UUID.")] = None
    cluster_name: Annotated[TextFilter, matching("the cluster of the node when the execution was created")] = None
    command_id__in: Annotated[UuidsFilter, any_of("`command_id`")] = None
    node_id__in: Annotated[UuidsFilter, any_of("`node_id`")] = None
    cluster_name__in: Annotated[TextsFilter, any_of("the cluster of the node when the execution was created")] = None
    has_cluster: Annotated[
        BoolFilter, whether("executions with a `cluster_name`", "executions whose `cluster_name` is null")
    ] = None
    sent_at__gte: Annotated[DateFilter, since("Taken by the agent")] = None
    sent_at__lte: Annotated[DateFilter, until("Taken by the agent")] = None
    completed_at__gte: Annotated[DateFilter, since("Ended with a result")] = None
    completed_at__lte: Annotated[DateFilter, until("Ended with a result")] = None
    cancelled_at__gte: Annotated[DateFilter, since("Cancelled")] = None
    cancelled_at__lte: Annotated[DateFilter, until("Cancelled")] = None


class ExecutionOut(Spelled):
    """One command on one node: its status, output and exit code."""

    id: Annotated[str, fields.EXECUTION]
    command_id: Annotated[str, fields.COMMAND]
    node_id: Annotated[str | None, fields.NODE]
    cluster_name: Annotated[
        str | None,
        about(
            "The cluster that the command was given to; null if it named nodes, several clusters or all.",
            samples.CLUSTER,
        ),
    ]
    target_all: Annotated[bool, fields.TARGET_ALL]
    status: Annotated[OneOf[Status], fields.EXECUTION_STATUS]
    outcome: Annotated[
        OneOf[Outcome],
        about(
            "`open`: no end yet. `succeeded`: completed with exit code 0 or none. `failed`: completed with another "
            "exit code. `cancelled` and `expired` are as in `status`. `dropped`: its node was deleted, in every "
            "revision.",
            "succeeded",
        ),
    ]
    command_text: Annotated[
        str | None,
        about(
            "Command line for the shell of the node; null if the command was deleted long ago, and for keys that read "
            "no outputs.",
            samples.COMMAND_TEXT,
        ),
    ]
    command_text_truncated: Annotated[
        bool, about("Whether the middle of `command_text` was left out to fit the page; only lists do that.", False)
    ]
    timeout: Annotated[int | None, fields.TIMEOUT]
    output: Annotated[
        str | None,
        about(
            "What the command wrote to stdout and stderr; above 256 KiB it is truncated in the middle. Null: none, or "
            "the key reads no outputs.",
            samples.OUTPUT,
        ),
    ]
    output_truncated: Annotated[
        bool,
        about(
            "Whether `output` is not the whole: a list shortened it to fit the page, or the agent stored more.", False
        ),
    ]
    output_size: Annotated[int | None, about("Bytes of the whole output, if it is stored apart.", None)]
    exit_code: Annotated[int | None, fields.EXIT_CODE]
    sent_at: Annotated[Timestamp | None, fields.SENT_AT]
    completed_at: Annotated[Timestamp | None, fields.COMPLETED_AT]
    cancelled_at: Annotated[Timestamp | None, fields.CANCELLED_AT]
    cancel_requested_at: Annotated[Timestamp | None, fields.CANCEL_REQUESTED_AT]
    expired_at: Annotated[Timestamp | None, fields.DEADLINE]
    expires_at: Annotated[Timestamp | None, SameAs("expired_at"), another_name("expired_at", samples.DAY_LATER)] = None
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]
