"""The base of drivers at EC2: of things that are there or not, found by their tags.

EC2 makes most of these without a client token, so that a repeat of a call would make a second one: their kinds are
not asked again before it is certain that nothing was made (`Kind.has_token`). A thing that is gone is not described.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from chalicelib.cloud.aws_prices import hourly
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.provisioning.aws_errors import NO_RIGHT, AwsErrors
from chalicelib.platform.provisioning.ec2_tags import (
    RESOURCE_TAG,
    STAGE_TAG,
    TENANT_TAG,
    filter_by,
    tags_for,
    tags_of,
)
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, Seen, State, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from chalicelib.platform.provisioning.store import EXTERNAL_ID

Json = Mapping[str, Any]

FindResources = Callable[[str, Sequence[str]], Sequence[Resource]]
"""A tenant and ids -> its resources."""


class Ec2Things(ABC):
    """See `platform.provisioning.ports.Driver`. ``client`` is botocore's; ``stage`` is the value of the tag of this
    installation; ``find`` finds what a thing refers to.

    A kind names what EC2 calls it: the ``type`` of its tags, the method that ``describes`` it, the list of ``many``
    in the answer and the ``id`` of one, the error for one that is ``missing``, and the reasons for all ``errors``;
    ``filters`` is the argument with the filters of a description, ``more`` are its further ones, ``page`` is how many
    things of the kind EC2 describes in one answer at most. ``since``, ``zone`` and ``gigabytes`` name the time at which
    it was made, its zone and its size in a description, where it has them.
    """

    type: ClassVar[str]
    describes: ClassVar[str]
    many: ClassVar[str]
    id: ClassVar[str]
    missing: ClassVar[str]
    errors: ClassVar[AwsErrors]
    filters: ClassVar[str] = "Filters"
    more: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    page: ClassVar[int] = 1_000
    since: ClassVar[str] = ""
    zone: ClassVar[str] = ""
    gigabytes: ClassVar[str] = ""

    def __init__(self, client: Any, stage: str, find: FindResources) -> None:
        self._client = client
        self._stage = stage
        self._find = find

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """One call for all of them: filters are used instead of ids, since one unknown id would fail it."""
        found = self._found(resources)
        missing = Observation(Seen.MISSING)
        return {each.id: self._observed(found[each.id]) if each.id in found else missing for each in resources}

    def create(self, resource: Resource) -> Mapping[str, str]:
        tags = tags_for(self._stage, resource.tenant, resource.id)
        with self.errors.sorted():
            made = self._make(resource, [{"ResourceType": self.type, "Tags": tags}])
        return {EXTERNAL_ID: str(made[self.id])}

    def change(self, resource: Resource, observation: Observation) -> None:
        """Nothing of it changes at EC2: its name is ours alone."""
        del resource, observation

    def delete(self, resource: Resource) -> None:
        thing_id = resource.external.get(EXTERNAL_ID)
        if thing_id is None:
            thing_id = next((str(thing[self.id]) for thing in self._shown([resource.id])), None)
        if thing_id is None:
            return
        with self.errors.sorted():
            try:
                with calling():
                    self._remove(thing_id)
            except CallRefusedError as error:
                if error.code == NO_RIGHT:
                    self._check_gone(resource)
                elif error.code != self.missing:
                    raise

    def tagged(self) -> Iterable[Tagged]:
        for thing in self._described([filter_by(f"tag:{STAGE_TAG}", [self._stage])]):
            if not self._is_left(thing):
                continue
            tags = tags_of(thing)
            yield Tagged(
                tenant=tags.get(TENANT_TAG, ""),
                resource_id=tags.get(RESOURCE_TAG, ""),
                external_id=str(thing[self.id]),
                since=to_seconds_text(thing[self.since]) if self.since and thing.get(self.since) else "",
                price_per_hour=hourly(self.type, thing[self.gigabytes] if self.gigabytes else 1),
                zone=str(thing[self.zone]) if self.zone else "",
            )

    @abstractmethod
    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        """Make one with these tags; returns it as EC2 answers."""

    @abstractmethod
    def _remove(self, thing_id: str) -> None:
        """Have the one of that id at EC2 removed."""

    def _check_gone(self, resource: Resource) -> None:
        """Raises `AgainLaterError` if EC2 shows anything of it that is left."""
        if any(self._is_left(thing) for thing in self._shown([resource.id])):
            raise self.errors.not_gone()

    def _is_left(self, thing: Json) -> bool:
        """Whether something that EC2 describes is there, or may cost anything."""
        del thing
        return True

    def _facts(self, thing: Json) -> Json:
        """The facts that callers see of it."""
        del thing
        return {}

    def _parent(self, resource: Resource, parent_id: str) -> str:
        """The id at EC2 of a resource that it refers to. Raises `AgainLaterError` until it is there, and
        `RefusedError` if it never will be."""
        parent = next(iter(self._find(resource.tenant, [parent_id])), None)
        if parent is None or parent.state in {State.FAILED, State.GONE}:
            raise RefusedError("what it belongs to has failed or is gone: make another one")
        if parent.state is not State.READY:
            raise AgainLaterError("what it belongs to is not ready yet", nothing_done=True)
        return parent.external[EXTERNAL_ID]

    def _made(self, tenant: str, resource_id: str, what: str) -> str:
        """The id at EC2 of a resource that need not be ready. Raises `AgainLaterError` until it has one, and
        `RefusedError` if it is going; the reason names ``what`` it is."""
        found = next(iter(self._find(tenant, [resource_id])), None)
        if found is None or found.desired is Desired.ABSENT or found.is_released:
            raise RefusedError(f"{what} is gone")
        if EXTERNAL_ID not in found.external:
            raise AgainLaterError(f"{what} is not made yet", nothing_done=True)
        return found.external[EXTERNAL_ID]

    def _observed(self, thing: Json) -> Observation:
        seen = Seen.BECOMING if thing.get("State") == "pending" else Seen.READY
        return Observation(seen, {EXTERNAL_ID: str(thing[self.id])}, self._facts(thing))

    def _found(self, resources: Sequence[Resource]) -> dict[str, Json]:
        """The things of these resources, by the ids of the resources."""
        return {tags_of(thing)[RESOURCE_TAG]: thing for thing in self._shown([each.id for each in resources])}

    def _shown(self, resource_ids: Sequence[str]) -> Iterator[Json]:
        """The things of these resources."""
        ours = filter_by(f"tag:{STAGE_TAG}", [self._stage])
        return self._described([ours, filter_by(f"tag:{RESOURCE_TAG}", resource_ids)])

    def _described(self, filters: Sequence[Json]) -> Iterator[Json]:
        more: dict[str, Any] = {}
        while True:
            with self.errors.sorted():
                page = getattr(self._client, self.describes)(
                    MaxResults=self.page, **{self.filters: filters}, **self.more, **more
                )
            yield from page[self.many]
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}
