"""The driver of what networks are made of at EC2: things that are there or not, found by their tags.

EC2 makes these without a client token, so that a repeat of a call would make a second one: their kinds are not asked
again before it is certain that nothing was made (`Kind.has_token`). A thing that EC2 has no more is not described.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from chalicelib.cloud.network.ec2_errors import ERRORS
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.ec2_tags import (
    RESOURCE_TAG,
    STAGE_TAG,
    TENANT_TAG,
    filter_by,
    tags_for,
    tags_of,
)
from chalicelib.platform.provisioning.model import Observation, Resource, Seen, State, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError

Json = Mapping[str, Any]

FindResources = Callable[[str, Sequence[str]], Sequence[Resource]]
"""A tenant and ids -> its resources."""

PAGE = 1_000
"""The most things of one answer (EC2 API reference)."""


class Ec2Things:
    """See `platform.provisioning.ports.Driver`. ``client`` is botocore's; ``stage`` is the value of the tag of this
    installation; ``find`` finds what a thing refers to.

    A kind names what EC2 calls it: the ``type`` of its tags, the method that ``describes`` it, the list of ``many``
    in the answer and the ``id`` of one, and the error for one that is ``missing``; ``filters`` is the argument with the
    filters of a description. ``price`` is that of an hour, for people; "" for a kind that costs nothing.
    """

    type: ClassVar[str]
    describes: ClassVar[str]
    many: ClassVar[str]
    id: ClassVar[str]
    missing: ClassVar[str]
    filters: ClassVar[str] = "Filters"
    price: ClassVar[str] = ""

    def __init__(self, client: Any, stage: str, find: FindResources) -> None:
        self._client = client
        self._stage = stage
        self._find = find

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """One call for all of them: filters are used instead of ids, since one unknown id would fail it."""
        found = {tags_of(thing)[RESOURCE_TAG]: thing for thing in self._shown([each.id for each in resources])}
        missing = Observation(Seen.MISSING)
        return {each.id: self._observed(found[each.id]) if each.id in found else missing for each in resources}

    def create(self, resource: Resource) -> Mapping[str, str]:
        tags = tags_for(self._stage, resource.tenant, resource.id)
        with ERRORS.sorted():
            made = self._make(resource, [{"ResourceType": self.type, "Tags": tags}])
        return {"id": str(made[self.id])}

    def change(self, resource: Resource, observation: Observation) -> None:
        """Nothing of it changes at EC2: its name is ours alone."""
        del resource, observation

    def delete(self, resource: Resource) -> None:
        thing_id = resource.external.get("id")
        if thing_id is None:
            thing_id = next((str(thing[self.id]) for thing in self._shown([resource.id])), None)
        if thing_id is None:
            return
        with ERRORS.sorted():
            try:
                with calling():
                    self._remove(thing_id)
            except CallRefusedError as error:
                if error.code != self.missing:
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
                price_per_hour=self.price,
            )

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        """Make one with these tags; returns it as EC2 answers."""
        raise NotImplementedError

    def _remove(self, thing_id: str) -> None:
        raise NotImplementedError

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
        return parent.external["id"]

    def _observed(self, thing: Json) -> Observation:
        seen = Seen.BECOMING if thing.get("State") == "pending" else Seen.READY
        return Observation(seen, {"id": str(thing[self.id])}, self._facts(thing))

    def _shown(self, resource_ids: Sequence[str]) -> Iterator[Json]:
        """The things of these resources."""
        ours = filter_by(f"tag:{STAGE_TAG}", [self._stage])
        return self._described([ours, filter_by(f"tag:{RESOURCE_TAG}", resource_ids)])

    def _described(self, filters: Sequence[Json]) -> Iterator[Json]:
        more: dict[str, Any] = {}
        while True:
            with ERRORS.sorted():
                page = getattr(self._client, self.describes)(MaxResults=PAGE, **{self.filters: filters}, **more)
            yield from page[self.many]
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}
