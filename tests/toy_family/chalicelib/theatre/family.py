"""The theatre: one context, one API."""

from chalicelib.platform.context import Family, Function, HttpSource
from chalicelib.theatre.permissions import PERMISSIONS
from chalicelib.theatre.puppets import context as puppets
from chalicelib.theatre.puppets.changes import REPAIRED

FAMILY = Family(
    "theatre",
    contexts=(puppets.CONTEXT,),
    services="chalicelib.theatre.wiring.Theatre",
    api="chalicelib.theatre.api.APIS",
    needs=("fleet",),
    permissions=PERMISSIONS,
    event_types=(REPAIRED,),
    functions=(
        Function("theatre_api", "app.app", HttpSource(), 28, memory_mb=1024, loads="access idempotency limits"),
    ),
)
