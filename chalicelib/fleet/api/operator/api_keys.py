"""Named keys, for those who manage them: each operator, script and assistant gets one of its own."""

from collections.abc import Sequence

from chalicelib.fleet.api.operator.api_key_models import (
    ApiKeyCreate,
    ApiKeyListQuery,
    ApiKeyOut,
    ApiKeyPath,
    ApiKeyRotation,
    ApiKeyShownOut,
    ApiKeyUpdate,
)
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.reach import CLUSTERS
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.errors import invalid
from chalicelib.platform.access.model import SORTABLE, ApiKey, NewApiKey, ShownKey
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.access.rules import still_accepted
from chalicelib.platform.permissions import API_KEYS_READ, API_KEYS_WRITE
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Access.ApiKey", auth=OPERATOR, scope=Scope.INSTALLATION)


@routes.post(
    "/api/v1/api_keys",
    permission=API_KEYS_WRITE,
    audit="api_key.create",
    answer=ApiKeyShownOut,
    status=201,
    errors=(422,),
    summary="Create a named key",
)
def create_api_key(request: Request[NoPath, NoQuery, ApiKeyCreate], services: Fleet) -> Created:
    """Creates a key for a person, a script or an assistant. The answer shows the key itself, and nothing shows it
    again. Refused with 422 for a permission or a cluster that does not exist, and for an expiry in the past; with 403
    for a key that could do more than the one that makes it."""
    body = request.body
    wanted = NewApiKey(
        name=body.name,
        role=body.role,
        permissions=tuple(body.permissions),
        restrictions={} if body.clusters is None else {CLUSTERS: _ids_of(body.clusters, services)},
        outputs=body.outputs,
        requests_per_minute=body.requests_per_minute,
        expires_at=body.expires_at,
    )
    return request.once(
        lambda: services.platform.api_keys.create(wanted, request.principal),
        lambda made: Created(_show_once(made, services), f"/api/v1/api_keys/{made.key.id}"),
    )


@routes.get(
    "/api/v1/api_keys",
    permission=API_KEYS_READ,
    answer=ApiKeyOut,
    paginated=True,
    summary="List named keys",
)
def list_api_keys(request: Request[NoPath, ApiKeyListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists named keys, newest first unless ordered otherwise; those that were revoked stay in the list."""
    page = services.platform.api_keys.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(key, services) for key in page.items], page)


@routes.get(
    "/api/v1/api_keys/{api_key_id}",
    permission=API_KEYS_READ,
    answer=ApiKeyOut,
    errors=(404,),
    summary="Get a named key",
)
def get_api_key(request: Request[ApiKeyPath, NoQuery, NoBody], services: Fleet) -> ApiKeyOut:
    """Returns one named key, without its secret."""
    return _show(services.platform.api_keys.get(request.path.api_key_id), services)


@routes.patch(
    "/api/v1/api_keys/{api_key_id}",
    permission=API_KEYS_WRITE,
    audit="api_key.update",
    answer=ApiKeyOut,
    errors=(404, 409, 422),
    summary="Rename a named key, or change its expiry",
)
def update_api_key(request: Request[ApiKeyPath, NoQuery, ApiKeyUpdate], services: Fleet) -> ApiKeyOut:
    """Changes the name or the expiry of a key. Its role, permissions and reach do not change: make another
    key. Refused with 409 for a revoked key, with 403 if the key can do more than the caller's and its expiry is to
    change."""
    changed = services.platform.api_keys.change(request.path.api_key_id, request.body.given(), request.principal)
    return _show(changed, services)


@routes.post(
    "/api/v1/api_keys/{api_key_id}/rotate",
    permission=API_KEYS_WRITE,
    audit="api_key.rotate",
    body_required=False,
    answer=ApiKeyShownOut,
    errors=(404, 409),
    summary="Rotate a named key's secret",
)
def rotate_api_key(request: Request[ApiKeyPath, NoQuery, ApiKeyRotation], services: Fleet) -> ApiKeyShownOut:
    """Gives a key a new secret, which the answer shows once; the old one is accepted until the overlap ends. Refused
    with 409 for a key that is revoked or expired, with 403 for one that can do more than the caller's."""
    key_id, overlap_seconds = request.path.api_key_id, request.body.overlap_seconds
    return request.once(
        lambda: services.platform.api_keys.rotate(key_id, overlap_seconds, request.principal),
        lambda rotated: _show_once(rotated, services),
    )


@routes.delete(
    "/api/v1/api_keys/{api_key_id}",
    permission=API_KEYS_WRITE,
    audit="api_key.revoke",
    status=204,
    errors=(404,),
    summary="Revoke a named key",
)
def revoke_api_key(request: Request[ApiKeyPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Revokes a key for good: the next request with it is refused. It stays in the list, with `revoked_at`. Revoking
    twice changes nothing."""
    services.platform.api_keys.revoke(request.path.api_key_id)
    return NoContent()


def _ids_of(names: Sequence[str], services: Fleet) -> dict[str, str]:
    """Cluster id -> name. Raises `EdgeError` (validation failed) for names that no cluster has."""
    wanted = list(dict.fromkeys(names))
    found = {cluster.name: cluster.id for cluster in services.clusters.find_many(wanted)}
    missing = [name for name in wanted if name not in found]
    if missing:
        raise invalid(CLUSTERS, f"not found: {', '.join(missing)}")
    return {found[name]: name for name in wanted}


def _show(key: ApiKey, services: Fleet) -> ApiKeyOut:
    return ApiKeyOut.model_validate(_shown(key, services))


def _show_once(made: ShownKey, services: Fleet) -> ApiKeyShownOut:
    return ApiKeyShownOut.model_validate({**_shown(made.key, services), "key": made.text.reveal()})


def _shown(key: ApiKey, services: Fleet) -> dict[str, object]:
    accepted = still_accepted(key.previous, services.platform.clock.now())
    clusters = key.restrictions.get(CLUSTERS)
    return {
        **{name: value for name, value in key.__dict__.items() if name in ApiKeyOut.model_fields},
        "clusters": None if clusters is None else [{"id": one, "name": name} for one, name in clusters.items()],
        "previous_secret_until": max((one.until for one in accepted), default=None),
    }
