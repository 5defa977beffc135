"""Rules for the end of objects."""

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.storage_models import BucketPath, RuleCreate, RuleOut, RulePath, RulesOut
from chalicelib.cloud.permissions import STORAGE_DELETE, STORAGE_READ, STORAGE_WRITE
from chalicelib.cloud.storage.model import LifecycleRule
from chalicelib.cloud.storage.rules import spec_of
from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Lifecycle of objects", auth=USER, scope=Scope.TENANT)

_RULES = "/storage/buckets/{bucket}/lifecycle"


@routes.get(
    _RULES,
    permission=STORAGE_READ,
    answer=RulesOut,
    errors=(404,),
    summary="List rules of a bucket",
)
def list_lifecycle_rules(request: Request[BucketPath, NoQuery, NoBody], services: Cloud) -> RulesOut:
    """Lists the rules of a bucket, fifty at most."""
    tenant, bucket = request.principal.tenant, request.path.bucket
    rules = spec_of(services.storage.buckets.get(tenant, bucket)).rules
    return RulesOut(tuple(_show(rule, tenant, bucket) for rule in rules))


@routes.post(
    _RULES,
    permission=STORAGE_WRITE,
    audit="bucket.add_rule",
    answer=RuleOut,
    status=201,
    errors=(404, 409),
    summary="Add a rule to a bucket",
)
def add_lifecycle_rule(request: Request[BucketPath, NoQuery, RuleCreate], services: Cloud) -> Created:
    """Has objects whose keys begin so end after these days. In a bucket that keeps versions S3 marks them as deleted,
    and the versions stay. S3 looks once a day. 409 for a prefix that has a rule."""
    body, by, bucket = request.body, request.principal, request.path.bucket
    return request.once(
        lambda: services.storage.buckets.add_rule(by, bucket, body.prefix, body.expiration_days, enabled=body.enabled),
        lambda made: Created(_show(spec_of(made).rules[-1], by.tenant, bucket)),
    )


@routes.delete(
    f"{_RULES}/{{rule_id}}",
    permission=STORAGE_DELETE,
    audit="bucket.remove_rule",
    status=204,
    contract_path=f"{_RULES}/{{id}}",
    errors=(404, 409),
    summary="Remove a rule of a bucket",
)
def remove_lifecycle_rule(request: Request[RulePath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Removes a rule; objects stay."""
    path = request.path
    services.storage.buckets.remove_rule(request.principal.tenant, path.bucket, path.rule_id)
    return NoContent()


def _show(rule: LifecycleRule, tenant: str, bucket: str) -> RuleOut:
    return RuleOut(
        id=rule.id,
        user_id=rule.user,
        tenant_id=tenant,
        bucket_name=bucket,
        prefix=rule.prefix,
        expiration_days=rule.days,
        enabled=rule.enabled,
        created_at=rule.inserted_at,
    )
