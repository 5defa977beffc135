"""Declares the context `sealing`: its tables, queues, functions and their permissions."""

from typing import Any

from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.kit.queues import Message
from chalicelib.platform.context import GET, PUT, Context, Grants, Task


def _reseal(platform: Any, message: Message) -> None:
    """Seal rows of a table again, after a new data key was made."""
    platform.resealing.reseal(message["id"], message["ids"])


CONTEXT = Context(
    name="sealing",
    tables=(DATA_KEYS,),
    tasks={"reseal": Task(_reseal)},
    grants={
        "api_handler": Grants(tables={"data_keys": GET | PUT}, decrypts=True, makes_data_key=True),
        "deliver_commands": Grants(tables={"data_keys": GET}, decrypts=True),
        "clean_up": Grants(tables={"data_keys": GET}, decrypts=True),
        "deliver_webhook": Grants(tables={"data_keys": GET}, decrypts=True),
    },
)
