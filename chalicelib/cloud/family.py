"""The cloud: users and tenants of a platform team, on top of the platform."""

from chalicelib.cloud.accounts import context as accounts
from chalicelib.cloud.callers import context as callers
from chalicelib.cloud.compute import context as compute
from chalicelib.cloud.images import context as images
from chalicelib.cloud.network import context as network
from chalicelib.cloud.permissions import PERMISSIONS
from chalicelib.cloud.roles import context as roles
from chalicelib.cloud.service_accounts import context as service_accounts
from chalicelib.cloud.ssh_keys import context as ssh_keys
from chalicelib.cloud.storage import context as storage
from chalicelib.cloud.tenancy import context as tenancy
from chalicelib.platform.context import Family, Function, HttpSource

FAMILY = Family(
    "cloud",
    contexts=(
        roles.CONTEXT,
        tenancy.CONTEXT,
        callers.CONTEXT,
        accounts.CONTEXT,
        service_accounts.CONTEXT,
        ssh_keys.CONTEXT,
        network.CONTEXT,
        storage.CONTEXT,
        images.CONTEXT,
        compute.CONTEXT,
    ),
    services="chalicelib.cloud.wiring.Cloud",
    api="chalicelib.cloud.api.APIS",
    permissions=PERMISSIONS,
    needs=("fleet", "machines"),
    guests="guests",
    functions=(
        Function("cloud_api", "app.app", HttpSource(), 28, memory_mb=1024, loads="access idempotency limits quotas"),
    ),
)
