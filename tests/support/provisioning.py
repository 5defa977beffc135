"""A world whose one provider is the strict fake, and time that passes in it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from chalicelib.kit.tables.tenants import owner_of
from chalicelib.platform.context import Family
from chalicelib.platform.families import Families
from chalicelib.platform.provisioning.claim_store import CLAIMS
from chalicelib.platform.provisioning.model import Changes, NewResource, Power, Resource, State
from chalicelib.platform.provisioning.queues import PROVISIONING
from chalicelib.platform.provisioning.store import RESOURCES, from_whole
from tests.support.declared import FAMILIES
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.messaging import FakeSqs
from tests.support.fakes.provider import Boxes
from tests.support.fakes.provider_driver import KIND, family_of, kind_of
from tests.support.world import World

TENANT = "customer-1"
QUOTA = "boxes"
REASONABLE_SECONDS = 2 * 3600
"""Longer than any deadline, wait and look of a box."""


class TimedSqs(FakeSqs):
    """A queue whose delayed messages come when their delay is over."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803 - boto3's names
        now = self._clock.now()
        due = [{**each, "due": now + timedelta(seconds=each.get("DelaySeconds", 0))} for each in Entries]
        return super().send_message_batch(QueueUrl=QueueUrl, Entries=due)

    def release_due(self) -> None:
        """Deliver the messages whose delay is over."""
        now, kept = self._clock.now(), self.delayed
        self.delayed = {}
        for name, entries in kept.items():
            for entry in entries:
                (self.sent if entry["due"] <= now else self.delayed).setdefault(name, []).append(entry)


class ResourceRows:
    """The resources of a world, as they stand."""

    driver: Any

    def rows(self) -> list[Resource]:
        """The resources of all tenants."""
        return [from_whole(row) for row in self.driver.rows(RESOURCES)]

    def claims(self) -> list[tuple[str, str, str]]:
        """Tenant, claim and holder of every claim."""
        found = []
        for row in self.driver.rows(CLAIMS):
            tenant, scope = owner_of(str(row["scope"]))
            found.append((tenant.id, f"{scope}/{row['name']}", str(row["holder"])))
        return found


class BoxCalls(ResourceRows):
    """The calls by which tests make and change boxes in a world."""

    platform: Any

    def create(self, name: str = "a", **more: Any) -> Resource:
        """Ask for a box."""
        given: dict[str, Any] = {"owner": "user-1", "spec": {"size": 1}, "power": Power.ON, "quota": QUOTA, **more}
        tenant = given.pop("tenant", TENANT)
        return self.platform.resources(tenant).create(NewResource(kind=KIND, name=name, **given))

    def box(self, resource: Resource) -> Resource:
        """The resource as it is. Raises `EdgeError` (not found)."""
        return self.platform.resources(resource.tenant).get(KIND, resource.id)

    def change(self, resource: Resource, **changes: Any) -> Resource:
        """Change a resource."""
        own = self.platform.resources(resource.tenant)
        return own.change(KIND, resource.id, lambda _row: Changes(**changes), "box.changed")

    def delete(self, resource: Resource) -> Resource:
        return self.platform.resources(resource.tenant).delete(KIND, resource.id, "box.deleted")

    def used(self, tenant: str = TENANT) -> int:
        """How much of its quota a tenant has taken."""
        return self.platform.quotas.used(tenant, [QUOTA])[QUOTA]


class MovingWorld(ResourceRows, World):
    """A world in which time passes: messages come when they are due, and the sweep runs each minute."""

    def __init__(self, clock: FakeClock, **more: Any) -> None:
        super().__init__(clock=clock, **more)
        self.queue_client: TimedSqs = TimedSqs(clock)

    def pass_time(self, seconds: float, step: float = 1) -> None:
        """Let time pass, and everything happen that is due."""
        end = self.clock.now().timestamp() + seconds
        while (now := self.clock.now().timestamp()) < end:
            self.clock.advance(min(step, end - now))
            self.release_due()
            self.settle()
            if int(self.clock.now().timestamp()) % 60 < step:
                self.sweep("sweep_provisioning")
                self.settle()

    def release_due(self) -> None:
        """Deliver the delayed messages whose time has come."""
        self.queue_client.release_due()

    def reach(
        self, resource: Resource, *states: State, seconds: float = REASONABLE_SECONDS, step: float = 1
    ) -> Resource:
        """Let time pass until the resource is in one of the states. Raises AssertionError."""
        end = self.clock.now().timestamp() + seconds
        while (row := self.platform.resources(resource.tenant).get(resource.kind, resource.id)).state not in states:
            assert self.clock.now().timestamp() < end, f"it stays {row.state}: {row.reason}"
            self.pass_time(step, step)
        return row

    def lose_messages(self) -> None:
        """All messages that wait or are delayed are lost."""
        for kept in (self.queue_client.sent, self.queue_client.delayed):
            kept.pop(PROVISIONING, None)


class BoxWorld(BoxCalls, MovingWorld):
    """A world in which boxes are made. ``kind`` are fields of their kind, ``boxes`` those of their provider; ``others``
    are further families."""

    def __init__(
        self,
        *,
        kind: dict[str, Any] | None = None,
        boxes: dict[str, Any] | None = None,
        others: Sequence[Family] = (),
    ) -> None:
        time = FakeClock()
        self.boxes = Boxes(time, **(boxes or {}))
        of_boxes = family_of(kind_of(self.boxes, **(kind or {})))
        super().__init__(time, families=Families((*FAMILIES.each, of_boxes, *others)))

    def until(self, resource: Resource, *states: State, seconds: float = REASONABLE_SECONDS) -> Resource:
        """Let time pass until the box is in one of the states. Raises AssertionError."""
        return self.reach(resource, *states, seconds=seconds)
