"""Exports of the logs of hosted nodes: each comes to one end, by one command at most."""

from collections import Counter
from datetime import timedelta

from chalicelib.fleet.commands.store import COMMANDS
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables.tenants import owner_of
from chalicelib.machines.api import HOSTED_API
from chalicelib.machines.hosted.export_model import Export, ExportState
from chalicelib.machines.hosted.export_store import TABLE as EXPORTS
from chalicelib.machines.hosted.rules import GRACE
from chalicelib.machines.hosted.store import TABLE as NODES
from tests.simulation.scene import Scene
from tests.support.fakes.dynamo import Plan

LATE = GRACE + timedelta(minutes=4)
"""How long after its time an export may be looked at."""


def export_logs(scene: Scene) -> None:
    """Of some node: one of the customer is not found by the operator."""
    node_id = str(scene.some_row(NODES)["id"])
    scene.ask("POST", f"/api/nodes/{node_id}/logs", api=HOSTED_API.name)


def fetch_logs(scene: Scene) -> None:
    row = scene.some_row(EXPORTS)
    path = f"/api/nodes/{owner_of(str(row['node_id']))[1]}/logs?taskId={row['id']}"
    scene.ask("GET", path, api=HOSTED_API.name)


def an_export_ends_once(_scene: Scene, _operation: str, plan: Plan) -> None:
    """It keeps its end: its objects, or its reason."""
    for write, _, old, new in plan:
        if write.table is EXPORTS and old is not None and new is not None:
            before, after = Export.model_validate(old), Export.model_validate(new)
            same = before.model_copy(update={"version": after.version, "updated_at": after.updated_at})
            assert before.is_open or after == same, f"an export that had ended was changed: {before}, then {after}"


def no_export_is_stuck(scene: Scene) -> None:
    late = to_seconds_text(scene.world.clock.now() - LATE)
    for export in map(Export.model_validate, scene.rows(EXPORTS)):
        if export.is_open:
            assert late <= export.deadline_at, f"{export} is open beyond its deadline"
            assert export.due_at is not None, f"nobody looks at {export} again"
        else:
            told = export.keys if export.state is ExportState.READY else export.reason
            assert told, f"{export} has neither objects nor a reason"


def an_export_is_one_command(scene: Scene) -> None:
    ids = [str(row["id"]) for row in scene.rows(EXPORTS)]
    texts = [str(row.get("command_text")) for row in scene.rows(COMMANDS)]
    commands = Counter(each for each in ids for text in texts if each in text)
    assert max(commands.values(), default=1) == 1, f"exports asked their nodes more than once: {commands}"


OPERATIONS = (export_logs, export_logs, fetch_logs)
INVARIANTS = (no_export_is_stuck, an_export_is_one_command)
WATCHES = (an_export_ends_once,)
