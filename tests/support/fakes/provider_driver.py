"""The driver of the strict provider's boxes, written as one of a real provider is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.context import Context, Family
from chalicelib.platform.provisioning.model import Observation, Resource, Seen, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, GoneError, Kind
from tests.support.fakes.provider import Box, Boxes, Fault

KIND = "box"

MOST_AT_ONCE = 100


class BoxDriver:
    """The driver of boxes, as a driver of a real provider is written."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        if len(resources) > MOST_AT_ONCE:
            raise AssertionError(f"{len(resources)} resources in one call: a provider describes {MOST_AT_ONCE}")
        fault = self._boxes.meet("observe", resources)
        shown = self._boxes.described()
        by_token = {box.token: box for box in shown.values()}
        seen: dict[str, Observation] = {}
        for resource in resources:
            is_old = fault is Fault.OLD and resource.id not in self._boxes.shown_old
            (self._boxes.shown_old.add if is_old else self._boxes.shown_old.discard)(resource.id)
            box = None if is_old else shown.get(resource.external.get("id", "")) or by_token.get(resource.id)
            seen[resource.id] = Observation(Seen.MISSING) if box is None else _observation(box)
        if self._boxes.poison in seen:
            raise KeyError(self._boxes.poison)
        seen.pop(self._boxes.left_out, None)
        return seen

    def create(self, resource: Resource) -> Mapping[str, str]:
        fault = self._boxes.meet("create", [resource])
        if fault is Fault.LATE:
            self._boxes.create_late(resource)
            raise AgainLaterError("The provider did not answer")
        box = self._boxes.create(resource)
        self._boxes.answer(fault)
        return {"id": box.id}

    def change(self, resource: Resource, observation: Observation) -> None:
        del observation
        fault = self._boxes.meet("change", [resource])
        box = self._boxes.current(resource)
        if box is None:
            raise GoneError("It is not there any more")
        self._boxes.change(box, resource)
        self._boxes.answer(fault)

    def delete(self, resource: Resource) -> None:
        fault = self._boxes.meet("delete", [resource])
        box = self._boxes.current(resource)
        if box is not None:
            self._boxes.end(box)
        self._boxes.answer(fault)

    def tagged(self) -> Iterator[Tagged]:
        self._boxes.meet("tagged", [])
        for box in self._boxes.described().values():
            if box.is_there:
                yield Tagged(
                    tenant=box.tags["tenant"],
                    resource_id=box.tags["resource"],
                    external_id=box.id,
                    since=to_seconds_text(box.made_at),
                    price_per_hour="0.0104 USD",
                    zone="zone-a",
                )


def _observation(box: Box) -> Observation:
    return Observation(
        box.seen, {"id": box.id}, {"address": f"10.0.0.{int(box.id[-4:]) % 250}"}, box.reason, box.generation
    )


def kind_of(boxes: Boxes, **more: Any) -> Kind:
    """The kind of boxes, at this provider."""
    return Kind(name=KIND, driver=lambda _container: BoxDriver(boxes), has_power=True, **more)


def family_of(*kinds: Kind) -> Family:
    """A family whose one context has these kinds."""
    return Family("boxes", contexts=(Context("boxes", kinds=kinds),))
