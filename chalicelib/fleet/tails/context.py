"""Declares the context `tails`: its table and the permissions of functions."""

from chalicelib.fleet.tails.store import TAILS
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, UPDATE, Context, Grants

CONTEXT = Context(
    name="tails",
    tables=(TAILS,),
    grants={
        "api_handler": Grants(tables={TAILS.name: PUT}),
        "websocket_connect": Grants(tables={TAILS.name: GET | UPDATE}),
        # A socket is renewed with the rights that its owner has then, if the execution still runs.
        "websocket_message": Grants(
            tables={
                TAILS.name: GET | DELETE,
                "api_keys": GET,
                "executions": GET,
                "commands": BATCH_GET,
            },
            posts_to_sockets=True,
        ),
    },
)
