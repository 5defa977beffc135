"""Declares the context `sealing`: its tables, queues, functions and their permissions."""

from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.platform.context import GET, PUT, Context, Grants

CONTEXT = Context(
    name="sealing",
    tables=(DATA_KEYS,),
    grants={
        "api_handler": Grants(tables={"data_keys": GET | PUT}, decrypts=True, makes_data_key=True),
        "deliver_commands": Grants(tables={"data_keys": GET}, decrypts=True),
        "clean_up": Grants(tables={"data_keys": GET}, decrypts=True),
        "deliver_webhook": Grants(tables={"data_keys": GET}, decrypts=True),
    },
)
