from typing import Annotated

from pydantic import RootModel

from chalicelib.cloud.api.fields import Sent, Shown
from chalicelib.cloud.api.kinds import Kind
from chalicelib.kit.fields import about
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Path

READ, WRITE = Permission("ship:read", KeyRole.VIEWER), Permission("ship:write", KeyRole.OPERATOR)


class ShipPath(Path):
    ship_id: Annotated[str, about("Id.", "1")]


class ShipSent(Sent):
    name: str


class ShipOut(Shown):
    name: str


class ShipsOut(RootModel[tuple[ShipOut, ...]]):
    pass


class GoneOut(Shown):
    status: str = "deleted"


class Ships:
    def __init__(self):
        self.deleted = []

    def all(self, tenant):
        return [f"one of {tenant}", f"two of {tenant}"]

    def get(self, tenant, wanted):
        return f"{wanted} of {tenant}"

    def delete(self, tenant, wanted):
        self.deleted.append((tenant, wanted))


class Asked:
    """What views use of a request."""

    def __init__(self, ship_id="", name=""):
        self.principal = type("By", (), {"tenant": "t1"})
        self.path = type("In", (), {"ship_id": ship_id})
        self.body = type("Body", (), {"name": name})

    def once(self, work, show):
        return show(work())


def declared(ships=None):
    routes = Endpoints(tag="Ships")
    kind = Kind(
        routes=routes,
        collection="/ships",
        path=ShipPath,
        one="a ship",
        many="ships",
        name="ship",
        names="ships",
        of=lambda _services: ships,
        show=lambda thing, tenant: ShipOut(name=f"{thing} in {tenant}"),
        shown=ShipOut,
        read=READ,
    )
    kind.creates(
        ShipSent,
        lambda _services, by, body: f"{body.name} of {by.tenant}",
        "Makes.",
        lambda made, _tenant: ShipOut(name=made),
        permission=WRITE,
    )
    kind.lists("Lists.", lambda _services, tenant: ships.all(tenant), ShipsOut)
    kind.gets("Gets.")
    kind.changes(
        "PUT", ShipSent, lambda _services, by, wanted, body: f"{wanted}={body.name}", "Changes.", permission=WRITE
    )
    kind.deletes("Deletes.", permission=WRITE, answer=GoneOut)
    return {endpoint.view.__name__: endpoint for endpoint in routes.all}


def test_kind_declares_the_operations_that_follow_from_its_names():
    shown = {
        name: (one.method, one.route, one.status, one.summary, one.audit, one.permission)
        for name, one in declared().items()
    }
    assert shown == {
        "create_ship": ("POST", "/ships", 201, "Create a ship", "tenant.create_ship", WRITE),
        "list_ships": ("GET", "/ships", 200, "List ships", "", READ),
        "get_ship": ("GET", "/ships/{ship_id}", 200, "Get a ship", "", READ),
        "change_ship": ("PUT", "/ships/{ship_id}", 200, "Change a ship", "tenant.change_ship", WRITE),
        "delete_ship": ("DELETE", "/ships/{ship_id}", 200, "Delete a ship", "tenant.delete_ship", WRITE),
    }


def test_each_operation_of_a_kind_reaches_the_callers_tenant_alone():
    ships = Ships()
    found = {name: one.view for name, one in declared(ships).items()}
    assert found["create_ship"](Asked(name="Fram"), None).model == ShipOut(name="Fram of t1")
    names = [one.name for one in found["list_ships"](Asked(), None).root]
    assert names == ["one of t1 in t1", "two of t1 in t1"]
    assert found["get_ship"](Asked("7"), None) == ShipOut(name="7 of t1 in t1")
    assert found["change_ship"](Asked("7", "Fram"), None) == ShipOut(name="7=Fram in t1")
    assert found["delete_ship"](Asked("7"), None) == GoneOut()
    assert ships.deleted == [("t1", "7")]
