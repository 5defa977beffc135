"""Security groups of a tenant's VPCs, and their rules."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import TIME, MessageOut, PageQuery, Sent, Shown
from chalicelib.cloud.api.instance_models import INSTANCE_ID
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.network_fields import GROUP_ID, VPC_ID, Cidr, Name, PartOut
from chalicelib.cloud.network import group_rules as rules
from chalicelib.cloud.network.group_model import SECURITY_GROUP, Direction, GroupStatus, Protocol, SecurityRule
from chalicelib.cloud.network.rules import arn_of
from chalicelib.cloud.permissions import SG_CREATE, SG_DELETE, SG_READ, SG_UPDATE
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import Int32, NoBody, NoPath, NoQuery, OneOf, Path, Query, Timestamp

routes = Endpoints(tag="Security groups", auth=USER, scope=Scope.TENANT)

_ARN = "arn:thecloud:sg:local:01a1fd8c-93f8-75cc-97fc-d4160a8be5cc:sg/01a1fd8c-9bc8-7fee-8afc-f6c8cad00000"
_RULE_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad00002"


class GroupPath(Path):
    group_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of a security group, or its beginning.", GROUP_ID)]


class NamedGroupPath(Path):
    group_id: Annotated[
        str,
        MinLen(1),
        MaxLen(64),
        about("Id of a group or its beginning, or with `vpc_id` its name.", GROUP_ID),
    ]


class GroupOfRulesPath(Path):
    group_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of the security group that gets the rule.", GROUP_ID)]


class SecurityRulePath(Path):
    security_rule_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of a rule of a security group.", _RULE_ID)]


class GroupsQuery(PageQuery):
    """A choice of security groups."""

    vpc_id: Annotated[str, MaxLen(64), about("Id or name of the VPC whose groups are wanted; all without it.")] = ""


class NamedGroupQuery(Query):
    """The VPC in which a name is meant."""

    vpc_id: Annotated[str, MaxLen(64), about("Id or name of the VPC in which the name is meant.")] = ""


class GroupCreate(Sent):
    """A security group to make."""

    vpc_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of its VPC, which never changes.", VPC_ID)]
    name: Annotated[Name, about("Name of the security group, unique in its VPC.", "web")]
    description: Annotated[str, MaxLen(255), about("Purpose of the group, for people.", "what anyone may reach")] = ""


class RuleAdd(Sent):
    """Connections that a security group shall let through."""

    direction: Annotated[OneOf[Direction], about("Whether connections in or out are let through.", "ingress")]
    protocol: Annotated[OneOf[Protocol], about("Protocol that is let through; `all` for every one.", "tcp")]
    port_min: Annotated[Int32 | None, about("First port, for tcp and udp alone.", 443)] = None
    port_max: Annotated[Int32 | None, about("Last port, for tcp and udp alone.", 443)] = None
    cidr: Annotated[Cidr, about("Block of IPv4 addresses at the other end.", "0.0.0.0/0")]
    priority: Annotated[Int32, about("Place in the list, the highest first. It has no effect otherwise.", 100)] = 0


class GroupMembership(Sent):
    """An instance and a security group of its VPC."""

    instance_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of the instance.", INSTANCE_ID)]
    group_id: Annotated[
        str, MinLen(1), MaxLen(64), about("Id of the security group, or its name in the instance's VPC.", GROUP_ID)
    ]


class SecurityRuleOut(Shown):
    """A rule of a security group, which never changes."""

    id: Annotated[str, about("UUID of the rule.", _RULE_ID, format="uuid")]
    group_id: Annotated[str, about("UUID of the security group that has the rule.", GROUP_ID, format="uuid")]
    direction: Annotated[OneOf[Direction], about("Whether it lets connections in or out.", "ingress")]
    protocol: Annotated[OneOf[Protocol], about("Protocol that it lets through.", "tcp")]
    port_min: Annotated[int | None, about("First port; null where the protocol has none.", 443)]
    port_max: Annotated[int | None, about("Last port; null where the protocol has none.", 443)]
    cidr: Annotated[str, about("Addresses at the other end.", "0.0.0.0/0")]
    priority: Annotated[int, about("Priority as it was given. Rules only allow, so none goes before another.", 100)]
    created_at: Annotated[Timestamp, about("Time at which the rule was added.", TIME)]


class GroupOut(PartOut):
    """A security group. Connections that none of an instance's groups lets through are dropped."""

    id: Annotated[str, about("UUID of the security group.", GROUP_ID, format="uuid")]
    vpc_id: Annotated[str, about("UUID of the VPC whose instances can have it.", VPC_ID, format="uuid")]
    name: Annotated[str, about("Name of the security group.", "web")]
    description: Annotated[str, about("Purpose that it was given.", "what anyone may reach")]
    rules: Annotated[tuple[SecurityRuleOut, ...], about("Its rules, those of the highest priority first.")]
    status: Annotated[
        OneOf[GroupStatus], about("Status of the group: `active` once AWS has its rules as they are here.", "active")
    ]
    arn: Annotated[str, about("Name of the group in policies.", _ARN)]


def _show_rule(group_id: str, rule: SecurityRule) -> SecurityRuleOut:
    traffic = rule.traffic
    return SecurityRuleOut(
        id=rules.rule_id_of(group_id, rule.number),
        group_id=group_id,
        direction=traffic.direction,
        protocol=traffic.protocol,
        port_min=traffic.port_min,
        port_max=traffic.port_max,
        cidr=traffic.cidr,
        priority=rule.priority,
        created_at=rule.created_at,
    )


def _show(group: Resource, tenant: str) -> GroupOut:
    spec = rules.spec_of(group)
    return GroupOut(
        id=group.id,
        user_id=group.owner or None,
        tenant_id=tenant,
        vpc_id=spec.vpc_id,
        name=group.name,
        description=spec.description,
        rules=tuple(_show_rule(group.id, rule) for rule in rules.shown_order(spec.rules)),
        status=rules.group_status(group),
        status_reason=group.reason or None,
        arn=arn_of("sg", tenant, "sg", group.id),
        created_at=group.inserted_at,
    )


GROUPS = Kind(
    routes=routes,
    collection="/security-groups",
    path=GroupPath,
    one="a security group",
    many="security groups",
    name="security_group",
    names="security_groups",
    of=lambda services: services.security_groups,
    show=_show,
    shown=GroupOut,
    read=SG_READ,
    resource=SECURITY_GROUP,
)
GROUPS.creates(
    GroupCreate,
    lambda services, by, body: services.security_groups.create(by, body.vpc_id, body.name, body.description),
    """Makes a security group in a VPC. It lets nothing in and everything out, by a rule that can be deleted. 404 for a
    VPC that the tenant does not have, 409 for a name that is taken in it, and beyond a hundred groups.""",
    _show,
    permission=SG_CREATE,
    errors=(404, 409),
)
GROUPS.deletes(
    """Deletes a security group. 409 while an instance has it: detach it first.""",
    permission=SG_DELETE,
)


GROUPS.lists_pages(
    """Lists the security groups of the tenant with their rules, or those of a VPC. A new one may take a moment to
    appear.""",
    lambda services, tenant, asked: services.security_groups.page(tenant, asked.page_size, asked.after, asked.vpc_id),
    GroupsQuery,
    errors=(404,),
)


@routes.get(
    "/security-groups/{group_id}",
    permission=SG_READ,
    answer=GroupOut,
    errors=(404,),
    summary="Get a security group",
)
def get_security_group(request: Request[NamedGroupPath, NamedGroupQuery, NoBody], services: Cloud) -> GroupOut:
    """Returns a security group with its rules, by its id, or by its name in the VPC of `vpc_id`."""
    tenant, wanted = request.principal.tenant, request.path.group_id
    return _show(services.security_groups.find(tenant, wanted, request.query.vpc_id), tenant)


@routes.post(
    "/security-groups/{group_id}/rules",
    permission=SG_UPDATE,
    audit="security_group.add_rule",
    is_deferred=True,
    answer=SecurityRuleOut,
    status=201,
    errors=(404, 409),
    summary="Add a rule to a security group",
)
def add_security_rule(request: Request[GroupOfRulesPath, NoQuery, RuleAdd], services: Cloud) -> Created:
    """Adds a rule, sixty in each direction at most. It holds for all instances that have the group within seconds: the
    group is `changing` until then. 400 for ports that the protocol has not, or an invalid block of addresses; 409 for
    a rule that the group has."""
    body, tenant, wanted = request.body, request.principal.tenant, request.path.group_id
    traffic = rules.check_traffic(body.direction, body.protocol, body.cidr, body.port_min, body.port_max)
    return request.once(
        lambda: services.security_groups.add_rule(tenant, wanted, traffic, body.priority),
        lambda group: Created(_show_rule(group.id, rules.newest_rule(rules.spec_of(group)))),
    )


@routes.delete(
    "/security-groups/rules/{security_rule_id}",
    permission=SG_UPDATE,
    audit="security_group.remove_rule",
    is_deferred=True,
    status=204,
    errors=(404, 409),
    summary="Delete a rule of a security group",
)
def remove_security_rule(request: Request[SecurityRulePath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Deletes a rule. Connections that it let through end within seconds, but for those that AWS tracks until they are
    idle."""
    services.security_groups.remove_rule(request.principal.tenant, request.path.security_rule_id)
    return NoContent()


@routes.post(
    "/security-groups/attach",
    permission=SG_UPDATE,
    audit="security_group.attach",
    is_deferred=True,
    answer=MessageOut,
    errors=(404, 409),
    summary="Attach a security group",
)
def attach_security_group(request: Request[NoPath, NoQuery, GroupMembership], services: Cloud) -> MessageOut:
    """Gives an instance one more security group of its VPC, five at most. It holds within seconds, whether the instance
    runs or not. One that it has is left as it is. 409 for an instance that is not in the group's VPC."""
    tenant, body = request.principal.tenant, request.body
    return request.once(
        lambda: services.memberships.attach(tenant, body.instance_id, body.group_id),
        lambda _changed: MessageOut(message="security group is being attached"),
    )


@routes.post(
    "/security-groups/detach",
    permission=SG_UPDATE,
    audit="security_group.detach",
    is_deferred=True,
    answer=MessageOut,
    errors=(404, 409),
    summary="Detach a security group",
)
def detach_security_group(request: Request[NoPath, NoQuery, GroupMembership], services: Cloud) -> MessageOut:
    """Takes a security group from an instance. 409 for one that it has not, and for its last one: attach another
    first."""
    tenant, body = request.principal.tenant, request.body
    return request.once(
        lambda: services.memberships.detach(tenant, body.instance_id, body.group_id),
        lambda _changed: MessageOut(message="security group is being detached"),
    )
