"""The cloud on one application, with people in it."""

from copy import copy
from typing import Any, Self

from chalicelib.cloud.api import API
from chalicelib.cloud.wiring import Cloud
from chalicelib.fleet.api import API as EDGE_ADMIN
from tests.support.client import MASTER_KEY, Client, HttpAnswer
from tests.support.world import World

PASSWORD = "Tr1cky-Horse-Staple"
ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"

_ENDPOINTS = {endpoint.view.__name__: endpoint for endpoint in API.endpoints()}


class PlainPasswords:
    """Hashes nothing, so that a test takes no time. ``checked`` are the passwords that were compared."""

    def __init__(self) -> None:
        self.checked: list[tuple[str | None, str]] = []

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, stored: str | None, password: str) -> bool:
        self.checked.append((stored, password))
        return stored == self.hash(password)


class CloudScene:
    """The cloud's API on one application. ``keys`` are the texts of keys by mail address."""

    def __init__(self, world: World | None = None, **settings: Any) -> None:
        self._enter(world or World(**settings))
        self.keys: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self.bodies: dict[str, Any] = {}

    def _enter(self, world: World) -> None:
        self.world = world
        self.cloud = world.platform.container(Cloud)
        self.passwords = self.cloud.passwords = PlainPasswords()  # type: ignore[misc]
        self._client = Client(API.groups(), self.cloud, api=API, key=None)

    def copy(self) -> Self:
        """Another application with the same in it (`World.copy`)."""
        twin = copy(self)
        twin._enter(self.world.copy())  # noqa: SLF001 - one of its own class
        twin.keys, twin.variables, twin.bodies = {**self.keys}, {**self.variables}, {**self.bodies}
        return twin

    def request(self, view: str, *, variables: Any = None, key: str | None = MASTER_KEY, **options: Any) -> HttpAnswer:
        """The operation, with a body that fits if it takes one."""
        endpoint = _ENDPOINTS[view]
        if endpoint.has_body and "body" not in options and "json" not in options:
            options["json"] = self.bodies.get(view)
        path = endpoint.route.replace("+}", "}").format(**{**self.variables, **(variables or {})})
        sent = {} if key is None else {"x-api-key": key}
        headers = {**options.pop("headers", {}), **sent}
        return self._client.request(endpoint.method, path, headers=headers, **options)

    def send(self, method: str, path: str, *, key: str | None = MASTER_KEY, **options: Any) -> HttpAnswer:
        """A request to any path."""
        headers = {**options.pop("headers", {}), **({} if key is None else {"x-api-key": key})}
        return self._client.request(method, path, headers=headers, **options)

    def fleet(self, key: str = MASTER_KEY) -> Client:
        """The fleet's API on the same world, called with this key."""
        return Client(EDGE_ADMIN.groups(), self.world.fleet, key=key)

    def cluster(self, name: str) -> str:
        """The id of a new cluster of the fleet."""
        return str(self.fleet().post("/api/v1/clusters", json={"name": name}).data["id"])

    def tenant(self, slug: str = "engines") -> str:
        """The id of a new tenant of the operator's, without an owner."""
        answer = self.request("create_tenant", json={"name": slug.title(), "slug": slug})
        assert answer.status == 201, answer.text
        return str(answer.json["data"]["id"])

    def invite(self, tenant_id: str, address: str, role: str = "developer", key: str = MASTER_KEY) -> str:
        """The token of an invitation."""
        body = {"email": address, "role": role}
        answer = self.request("create_invitation", variables={"tenant_id": tenant_id}, json=body, key=key)
        assert answer.status == 201, answer.text
        self.world.settle()
        return self.world.mailer.token_for(address)

    def join(self, tenant_id: str, address: str, role: str = "developer") -> str:
        """The id of a new user who is invited and has logged in."""
        token = self.invite(tenant_id, address, role)
        name = address.partition("@")[0].title()
        body = {"email": address, "password": PASSWORD, "name": name, "invitation_token": token}
        answer = self.request("register", key=None, json=body)
        assert answer.status == 201, answer.text
        self.log_in(address)
        return str(answer.json["data"]["id"])

    def log_in(self, address: str) -> str:
        """The text of a new key of a user, which is kept in ``keys`` too."""
        answer = self.request("log_in", key=None, json={"email": address, "password": PASSWORD})
        assert answer.status == 200, answer.text
        self.keys[address] = str(answer.json["data"]["api_key"])
        self.world.platform.identities.identify(self.keys[address], (), "")  # it notes its use
        self.world.settle()
        return self.keys[address]
