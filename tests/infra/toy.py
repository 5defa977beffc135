"""A family beside the fleet, as a value: a table with stream and index, a queue that internal events fill, workers, a
schedule and an API; and the Chalice application that has its routes and functions."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

from chalicelib.fleet.api.envelope import Envelope
from chalicelib.kit.queues import Queue
from chalicelib.kit.tables import Index, Table
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.bus_rules import Subscription
from chalicelib.platform.context import (
    BATCH_GET,
    DELETE,
    GET,
    PUT,
    QUERY,
    UPDATE,
    Context,
    Family,
    Function,
    Grants,
    HttpSource,
    QueueSource,
    ScheduleSource,
)
from chalicelib.web.protocol import ApiProtocol, GatewayError
from infra.deployables import CORE, deployables

TOYS = Table("toys", "id", indexes=(Index("by_colour", "colour", "id"),), stream=True)
MADE = Queue("toys-made")
PLAYED = Queue("toys-played")

CONTEXT = Context(
    "toys",
    tables=(TOYS,),
    queues=(MADE, PLAYED),
    functions=(
        Function("make_toys", "app.make_toys", QueueSource(MADE, 5), 30),
        Function("play_toys", "app.play_toys", QueueSource(PLAYED, 5), 30),
        Function("sweep_toys", "app.sweep_toys", ScheduleSource(timedelta(minutes=1)), 60),
    ),
    grants={
        "toys_api": Grants(
            tables={"toys": GET | PUT | QUERY, "counters": BATCH_GET, "limits": UPDATE}, counts=(MADE,), reads_keys=True
        ),
        "make_toys": Grants(tables={"toys": UPDATE, "nodes": BATCH_GET}, sends=(PLAYED, CLEAN_UP)),
        "play_toys": Grants(tables={"toys": UPDATE}, sends=(PLAYED,)),
        "sweep_toys": Grants(tables={"toys": QUERY}, sends=(MADE,)),
        "relay_changes": Grants(sends=(MADE,)),
        "clean_up": Grants(tables={"toys": QUERY | DELETE}, sends=(PLAYED,)),
        "recount": Grants(tables={"toys": QUERY}),
    },
    subscriptions=(Subscription(("fleet.node.enrolled", "fleet.node.deleted"), MADE),),
)
APIS = (
    SimpleNamespace(
        endpoints=list,
        prefixes=(),
        protocol=ApiProtocol(
            name="Toys",
            renderer=Envelope,
            gateway_error=lambda kind, message: GatewayError(f'{{"fault":"{kind}: {message}"}}', {"x-toys": "'yes'"}),
        ),
    ),
)
"""The part of an API's value that templates are made of: errors in a form of its own."""

FAMILY = Family(
    "toys",
    (CONTEXT,),
    api="tests.infra.toy.APIS",
    functions=(Function("toys_api", "app.app", HttpSource(), 28, memory_mb=1024),),
    needs=("fleet",),
)

CORE_BESIDE, *_, DEPLOYABLE = deployables([*CORE.every, FAMILY])

APPLICATION = '''
from chalice import Chalice, Rate

app = Chalice("edge-admin")

@app.route("/toys", methods=["GET", "POST"])
def toys():
    return []

@app.route("/toys/{toy}", methods=["GET"])
def toy(toy):
    return {}

@app.route("/{proxy+}", methods=["ANY"])
def other():
    return {}

@app.on_sqs_message(queue_arn="arn:aws:sqs:us-east-1:000000000000:placeholder", name="make_toys")
def make_toys(event):
    pass

@app.on_sqs_message(queue_arn="arn:aws:sqs:us-east-1:000000000000:placeholder", name="play_toys")
def play_toys(event):
    pass

@app.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_toys")
def sweep_toys(event):
    pass

@app.on_dynamodb_record("placeholder", name="relay_changes")
def relay_changes(event):
    pass

@app.schedule(Rate(1, unit=Rate.DAYS), name="recount")
def recount(event):
    """Chalice packages the functions of every family."""
'''


def write_project(folder: Path) -> Path:
    """A folder to package the family from."""
    (folder / "chalicelib").mkdir(parents=True)
    (folder / "chalicelib" / "__init__.py").write_text("")
    (folder / ".chalice").mkdir()
    (folder / ".chalice" / "config.json").write_text(
        '{"version": "2.0", "app_name": "edge-admin", "api_gateway_stage": "api", "autogen_policy": false, '
        '"iam_policy_file": "policy.json", "stages": {"local": {}, "try": {}}}'
    )
    (folder / ".chalice" / "policy.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    (folder / "app.py").write_text(APPLICATION)
    return folder
