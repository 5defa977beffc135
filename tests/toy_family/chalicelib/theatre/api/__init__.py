"""The theatre's API, below /theatre."""

from pathlib import Path

from chalicelib.theatre.api.protocol import THEATRE
from chalicelib.web.api import Api

API = Api(
    name="Theatre",
    services="chalicelib.theatre.wiring.Theatre",
    protocol=THEATRE,
    modules=("chalicelib.theatre.api.puppets",),
    folder=Path(__file__).parent,
    description="chalicelib.theatre.api.description.THEATRE",
    published="theatre-openapi.json",
    prefixes=("/theatre",),
)

APIS = (API,)
