"""The machines' operations: what each needs to succeed in a `MachinesScene`. Each API has a module beside this one."""

from copy import copy
from typing import Any, Self

from chalicelib.machines.api import ANALYTICS_API, APIS, AUTH_API, BILLING_API, COMPUTE_API, HOSTED_API
from chalicelib.machines.wiring import Machines
from chalicelib.platform.signing.store import WEBHOOKS
from chalicelib.web.api import Api
from chalicelib.web.operation import Endpoint
from tests.support.client import MASTER_KEY, Client, HttpAnswer
from tests.support.fakes.aws import FIRST_KEY
from tests.support.operations.machines_analytics import ADDRESSED
from tests.support.operations.machines_analytics import BODIES as ANALYTICS_BODIES
from tests.support.operations.machines_analytics import PREPARED as ANALYTICS
from tests.support.operations.machines_auth import BODIES as AUTH_BODIES
from tests.support.operations.machines_auth import PREPARED as AUTH
from tests.support.operations.machines_auth import VARIABLES as AUTH_VARIABLES
from tests.support.operations.machines_billing import PREPARED as BILLING
from tests.support.operations.machines_compute import BODIES as COMPUTE_BODIES
from tests.support.operations.machines_compute import PREPARED as COMPUTE
from tests.support.operations.machines_hosted import BODIES as HOSTED_BODIES
from tests.support.operations.machines_hosted import PREPARED as HOSTED
from tests.support.operations.table import Operations
from tests.support.world import World

BODIES = {**COMPUTE_BODIES, **AUTH_BODIES, **ANALYTICS_BODIES, **HOSTED_BODIES}
"""The body of each operation that takes one, by view."""

_OPERATIONS: dict[str, tuple[Api, Endpoint]] = {
    endpoint.view.__name__: (api, endpoint) for api in APIS for endpoint in api.endpoints()
}


class MachinesScene:
    """The machines' APIs on one application."""

    def __init__(self, world: World | None = None, **settings: Any) -> None:
        self._enter(world or World(**{"signing_key_id": FIRST_KEY, **settings}))
        if world is None:
            # Its public half is noted when it is first asked for.
            self.world.platform.signing.signatures.public_keys(WEBHOOKS)
        self.variables: dict[str, str] = {
            "template_id": "local-small",
            "instance_id": "01a1fd8c-4d3b-7a10-9c55-2f60d7a1e0b4",
            "node_id": "01a1fd8c-4d3b-7a10-9c55-2f60d7a1e0b4",
            "customer_id": "acme",
            "service": "compute",
            "feature": "create",
            **AUTH_VARIABLES,
        }

    def _enter(self, world: World) -> None:
        self.world = world
        self.machines = world.platform.container(Machines)
        self._clients = {api.name: Client(api.groups(), self.machines, api=api, key=None) for api in APIS}

    def copy(self) -> Self:
        """Another application with the same in it (`World.copy`)."""
        twin = copy(self)
        twin._enter(self.world.copy())  # noqa: SLF001 - one of its own class
        twin.variables = {**self.variables}
        return twin

    def request(self, view: str, *, variables: Any = None, key: str | None = MASTER_KEY, **options: Any) -> HttpAnswer:
        """The operation, with a body that fits if it takes one."""
        api, endpoint = _OPERATIONS[view]
        if endpoint.has_body and "body" not in options:
            options.setdefault("json", BODIES[view])
        path = endpoint.route.format(**{**self.variables, **(variables or {})})
        sent = {"x-api-key": key} if api is ANALYTICS_API else {"authorization": f"Bearer {key}"}
        headers = {**options.pop("headers", {}), **({} if key is None else sent)}
        return self._clients[api.name].request(endpoint.method, path, headers=headers, **options)

    def send(self, api: str, method: str, path: str, *, key: str | None = MASTER_KEY, **options: Any) -> HttpAnswer:
        """A request to any path of an API."""
        return self._clients[api].request(method, path, key=key, **options)

    def any(self, method: str, path: str, **options: Any) -> HttpAnswer:
        """Any path, of the API with the longest prefix of it, on an application with all of them."""
        api = max(APIS, key=lambda each: max((len(one) for one in each.prefixes if path.startswith(one)), default=0))
        return self._clients[api.name].request(method, path, **options)


OPERATIONS = Operations(
    kind=MachinesScene,
    prepared={
        COMPUTE_API.name: COMPUTE,
        AUTH_API.name: AUTH,
        BILLING_API.name: BILLING,
        HOSTED_API.name: HOSTED,
        ANALYTICS_API.name: ANALYTICS,
    },
    within=lambda _: {"clusters": frozenset({"north"})},
    addressed=ADDRESSED,
    of_everybody=frozenset({"template_id", "service", "feature"}),
    outside=lambda _: {"clusters": frozenset({"south"})},
)
