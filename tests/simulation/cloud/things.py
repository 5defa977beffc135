"""The things of two tenants in a history, whatever their kinds, and the invariants that all kinds share."""

from collections.abc import Iterable

from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.access.principal import DEFAULT_TENANT, Principal, PrincipalKind
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, TENANT_TAG
from chalicelib.platform.provisioning.model import Resource, Tagged
from tests.simulation.engine.ec2 import SimulatedEc2
from tests.simulation.scene import NothingThereError, Scene
from tests.support.provisioning_invariants import (
    claims_are_those_of_rows,
    every_ready_row_has_its_thing,
    every_row_has_come_to_an_end,
    every_thing_has_its_row,
)

TENANTS = ("engines", "wheels")


def cloud(scene: Scene) -> Cloud:
    """The cloud's container of whoever asks."""
    container: Cloud = scene.world.platform.container(Cloud)
    return container


def ec2(scene: Scene) -> SimulatedEc2:
    client: SimulatedEc2 = scene.world.machine_client
    return client


def some_user(scene: Scene) -> Principal:
    """A user of one of the tenants, who may do everything there."""
    return _user(scene.rng.choice(TENANTS))


def things_of(scene: Scene, *kinds: str) -> list[Resource]:
    """The rows of these kinds, of all tenants but the operator's."""
    rows = (row for row in scene.world.rows() if row.kind in kinds and row.tenant != DEFAULT_TENANT)
    return sorted(rows, key=lambda row: row.id)


def some_thing(scene: Scene, kind: str, tenant: str = "") -> Resource:
    """A thing of the kind, of any tenant or of one. Raises `NothingThereError`."""
    rows = [row for row in things_of(scene, kind) if tenant in {"", row.tenant}]
    if not rows:
        raise NothingThereError(kind)
    return scene.rng.choice(rows)


def user_of(row: Resource) -> Principal:
    """A user of the tenant that has the thing."""
    return _user(row.tenant)


def _user(tenant: str) -> Principal:
    return Principal(kind=PrincipalKind.KEY, actor=f"key:{tenant}", id=tenant, name=tenant, tenant=tenant)


def tagged(things: Iterable[tuple[str, dict[str, str]]]) -> list[Tagged]:
    """Things at EC2, by id and tags."""
    return [
        Tagged(tenant=tags[TENANT_TAG], resource_id=tags[RESOURCE_TAG], external_id=thing_id)
        for thing_id, tags in things
    ]


def check_kinds(scene: Scene, things: list[Tagged], *kinds: str) -> None:
    """Raise AssertionError unless the rows of these kinds and what is there at EC2 agree."""
    rows = things_of(scene, *kinds)
    own = {row.id for row in rows}
    every_row_has_come_to_an_end(rows)
    every_thing_has_its_row(rows, things)
    every_ready_row_has_its_thing(rows, things)
    claims_are_those_of_rows(rows, [each for each in scene.world.claims() if each[2] in own])


def trouble(scene: Scene, operations: tuple[str, ...], codes: tuple[str, ...]) -> None:
    """One of these calls of EC2 loses its answer, or is refused some times; for a limit only if it makes something."""
    operation = scene.rng.choice(operations)
    if scene.rng.random() < 0.5:
        ec2(scene).lose_answer(operation)
    else:
        possible = codes if operation.startswith(MAKING) else tuple(set(codes) - LIMITS)
        ec2(scene).fail(operation, scene.rng.choice(sorted(possible)), status=503, times=scene.rng.randint(1, 3))
    scene.mends.append(ec2(scene).calm)


MAKING = ("Allocate", "Copy", "Create", "Import", "Register", "Run")
LIMITS = {
    "AddressLimitExceeded",
    "AMIQuotaExceeded",
    "ResourceCountExceeded",
    "VolumeLimitExceeded",
    "VpcLimitExceeded",
}
"""The codes for which EC2 refuses a call that makes something, and no other."""
