"""Declares the context `aliases`: its tables, queues, functions and their permissions."""

from collections.abc import Iterator

from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.aliases.store import TOTALS
from chalicelib.kit.changes import Change
from chalicelib.kit.queues import Message
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.context import (
    BATCH_GET,
    DELETE,
    GET,
    PUT,
    QUERY,
    Context,
    Grants,
    Send,
    Services,
    Task,
)
from chalicelib.platform.counted import Counted

FORGET = "alias_term"


def _on_change(change: Change) -> Iterator[Send]:
    """The name of an alias that is gone finds its node no more."""
    if change.table == ALIASES.name and change.new is None and change.old is not None:
        yield Send(CLEAN_UP, {"kind": FORGET, "id": change.old["node_id"], "name": change.old["name"]})


def _forget(fleet: Services, message: Message) -> None:
    fleet.nodes.terms.forget_name(message["id"], message["name"])


CONTEXT = Context(
    name="aliases",
    tables=(ALIASES,),
    on_change=_on_change,
    tasks={FORGET: Task(_forget)},
    counted=(Counted(ALIASES, TOTALS, {"cluster_name": "cluster_name"}),),
    grants={
        "api_handler": Grants(tables={"aliases": GET | BATCH_GET | QUERY | PUT | DELETE}),
        "settle_vpn": Grants(tables={"aliases": GET | BATCH_GET}),
        "recount": Grants(tables={"aliases": QUERY}),
    },
)
