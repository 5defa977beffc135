"""`SecurityGroups`: the rules of a tenant for the connections of its machines."""

from chalicelib.cloud.named import ResourcesOf, may_begin_id
from chalicelib.cloud.names import check_name
from chalicelib.cloud.network import group_rules as rules
from chalicelib.cloud.network.group_model import DEFAULT, SECURITY_GROUP, GroupSpec, Traffic
from chalicelib.cloud.network.in_vpcs import InVpcs
from chalicelib.cloud.network.rules import name_taken
from chalicelib.cloud.network.vpcs import Vpcs
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import found, not_found
from chalicelib.kit.ids import Ids, is_id
from chalicelib.kit.tables import attaching
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, NewResource, Resource, State

_DEFAULT_TEXT = "of instances whose launch names no group"


class SecurityGroups(InVpcs):
    """A group is found by its id, or by its name in a VPC."""

    def __init__(self, resources: ResourcesOf, vpcs: Vpcs, clock: Clock, ids: Ids) -> None:
        super().__init__(resources, SECURITY_GROUP, vpcs, rules.NAMES)
        self._clock = clock
        self._ids = ids

    def find(self, tenant: str, wanted: str, vpc: str) -> Resource:
        """The group of that name in a VPC, which is meant by its id or name, or as `get` finds it. Raises `EdgeError`
        (not found), (validation failed) for a name without a VPC."""
        if is_id(wanted):
            return self.get(tenant, wanted)
        if vpc:
            return super().find(tenant, wanted, self._vpcs.get(tenant, vpc).id)
        if not may_begin_id(wanted):
            raise rules.name_needs_vpc()
        return self.get(tenant, wanted)

    def create(self, by: Principal, vpc: str, name: str, description: str) -> Resource:
        """Raises `EdgeError` (not found) for a VPC that is not there, (validation failed), (conflict) for a name that
        is taken in it, and for one group too many."""
        check_name(rules.check_free(name))
        try:
            return self._make(by, vpc, name, description)
        except ClaimTakenError as error:
            raise name_taken(name, "in the VPC") from error

    def default_of(self, by: Principal, vpc_id: str) -> Resource:
        """The group ``default`` of a VPC, which is made where there is none, in a transaction of its own. Raises
        `EdgeError` (not found) for a VPC that is not there, (conflict) for one group too many."""
        own = self._resources(by.tenant)
        holder = own.holder_of(f"{self._names_of(vpc_id)}/{DEFAULT}")
        if holder is None:
            try:
                with attaching(None):  # it is not what the caller asked for
                    return self._make(by, vpc_id, DEFAULT, _DEFAULT_TEXT)
            except ClaimTakenError as error:
                holder = error.holder
        return own.get(SECURITY_GROUP, holder)

    def add_rule(self, tenant: str, wanted: str, traffic: Traffic, priority: int) -> Resource:
        """Begin to let more through; returns the group, whose newest rule is this one. Raises `EdgeError` (not found),
        (conflict) for a rule that the group has, and for one too many."""

        def decide(group: Resource) -> Changes:
            now = to_seconds_text(self._clock.now())
            return _with(rules.with_rule(rules.spec_of(group), traffic, priority, now))

        group = self.get(tenant, wanted)
        return self._resources(tenant).change(SECURITY_GROUP, group.id, decide, "security_group.rule_added")

    def remove_rule(self, tenant: str, rule_id: str) -> None:
        """Begin to let less through. Raises `EdgeError` (not found)."""
        if not is_id(rule_id):
            raise not_found()
        group_id, number = rules.group_id_of(rule_id.lower()), rules.number_of(rule_id)

        def decide(group: Resource) -> Changes:
            found(None if group.state is State.GONE else group)
            return _with(rules.without_rule(rules.spec_of(group), number))

        self._resources(tenant).change(SECURITY_GROUP, group_id, decide, "security_group.rule_removed")

    def _make(self, by: Principal, vpc: str, name: str, description: str) -> Resource:
        own = self._resources(by.tenant)

        def decide() -> NewResource:
            parent, now = self._vpcs.get(by.tenant, vpc), self._clock.now()
            names = self._names_of(parent.id)
            rules.check_room(len(own.holders_in(names)))
            return NewResource(
                kind=SECURITY_GROUP,
                id=rules.group_id_of(self._ids.uuid7(now)),
                name=name,
                owner=by.user,
                spec=rules.new_spec(parent.id, description, to_seconds_text(now)).model_dump(mode="json"),
                parents=(parent.id,),
                at={parent.id: parent.version},
                claims=(f"{names}/{name}",),
            )

        return own.make(decide, "security_group.created")


def _with(spec: GroupSpec) -> Changes:
    return Changes(spec=spec.model_dump(mode="json"))
