"""Random histories of callers, workers, crashes and a difficult provider end in what the rows say.

Crashes come between any two calls, messages twice, late or never, answers are lost, indexes and descriptions lag,
things break, stop and vanish. At rest the invariants of `provisioning_invariants` hold.
"""

import os
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.kit.errors import EdgeError
from chalicelib.platform.provisioning.model import Power, Seen, State, Tagged
from tests.support.declared import handler_of
from tests.support.fakes.dynamo import Crash
from tests.support.fakes.provider import Fault
from tests.support.provisioning import BoxWorld
from tests.support.provisioning_invariants import check_rest
from tests.support.world import LambdaContext, sqs_record

EXAMPLES = int(os.environ.get("HISTORIES", "40"))
ACTIONS = 40
CALLS = ("create", "create", "change", "delete", "observe")
NEVER = 1_000_000_000
CLAIMS = ("name/a", "name/b", "place/a")


class History:
    def __init__(self, seed):
        self.rng = Random(seed)
        self.world = BoxWorld(boxes={"lag": self.rng.choice((0, 5, 40))})
        self.world.boxes.late_seconds = self.rng.choice((5, 60, 200))
        self.made = []
        self.planted = set()
        self.deleted = set()
        self.log = []

    def some(self):
        return self.rng.choice(self.made)

    def create(self):
        parents = (self.some().id,) if self.made and self.rng.random() < 0.3 else ()
        tenant = parents and next(row.tenant for row in self.made if row.id == parents[0])
        tenant = tenant or self.rng.choice(("one", "two"))
        named = {"id": self.world.ids.uuid7(self.world.clock.now())} if self.rng.random() < 0.5 else {}
        limit = self.rng.choice((2, 6))
        claims = (self.rng.choice(CLAIMS),) if self.rng.random() < 0.4 else ()
        self.world.driver.crash_after(self.rng.choice((1, NEVER, NEVER, NEVER)))
        try:
            for _ in range(2 if named else 1):
                wanted = {"tenant": tenant, "parents": parents, "claims": claims, "limit": limit, **named}
                made = self.world.create(f"box-{len(self.made)}", **wanted)
        except Crash:
            return
        finally:
            self.world.driver.crash_after(NEVER)
        self.made.append(made)

    def change(self):
        changes = self.rng.choice(
            ({"power": Power.OFF}, {"power": Power.ON}, {"act": "restart"}, {"spec": {"size": self.rng.randint(2, 9)}})
        )
        self.world.change(self.some(), **changes)

    def tie(self):
        """A box refers to others than before, and holds other claims."""
        row = self.some()
        others = [each.id for each in self.made if each.tenant == row.tenant and each.id < row.id]
        parents = tuple(self.rng.sample(others, min(len(others), self.rng.randint(0, 2))))
        self.world.change(row, parents=parents, claims=tuple(self.rng.sample(CLAIMS, self.rng.randint(0, 2))))

    def delete(self):
        row = self.some()
        self.world.delete(row)
        self.deleted.add(row.id)

    def fault(self):
        self.world.boxes.plan(self.rng.choice(CALLS), *self.rng.choices(list(Fault), k=self.rng.randint(1, 3)))

    def outage(self):
        self.world.boxes.is_down = not self.world.boxes.is_down

    def happen(self):
        """Something happens to a box outside."""
        there = self.world.boxes.there()
        if there:
            box = self.rng.choice(there)
            what = self.rng.choice((Seen.STOPPED, Seen.READY, Seen.ENDED, Seen.BROKEN, None))
            if what is None:
                self.world.boxes.vanish(box.id)
            else:
                self.world.boxes.become(box.id, what, "it was hit" if what is Seen.BROKEN else "")

    def plant(self):
        self.planted.add(self.world.boxes.plant("one", self.world.ids.uuid7(self.world.clock.now())).id)

    def lag(self):
        self.world.driver.index_lag(self.rng.choice((0, 2, 30)))

    def lose(self):
        self.world.lose_messages()

    def wake(self):
        row = self.some()
        self.world.platform.all_resources.wake(row.kind, row.id)

    def work(self):
        crash_after = self.rng.randint(1, 6) if self.rng.random() < 0.4 else None
        self.world.seconds_left = self.rng.choice((0, 60))
        self.world.settle(twice=self.rng.random() < 0.3, crash_after=crash_after)

    def race(self):
        """Two workers get the same message at once, while a caller deletes or changes."""
        world, row = self.world, self.some()
        world.relay_only()
        world.platform.all_resources.wake(row.kind, row.id)
        body = {"kind": row.kind, "resources": [[row.tenant, row.id]], "hop": 0}
        event = {"Records": [sqs_record(body)]}
        handler = handler_of("provision")
        change = self.rng.choice((self.delete, self.change))

        def caller():
            world.clock.sleep(1)
            change()
            world.call(handler, event, LambdaContext(60))

        world.boxes.seconds_per_call = 2
        world.driver.latency(self.rng.choice((0.01, 0.5)))
        outcomes = world.clock.run_together(
            [
                lambda: world.call(handler, event, LambdaContext(60)),
                lambda: world.call(handler, event, LambdaContext(60)),
                caller,
            ]
        )
        world.driver.latency(0)
        world.boxes.seconds_per_call = 0
        for outcome in outcomes:
            assert not isinstance(outcome, Exception) or isinstance(outcome, EdgeError), outcome

    def wait(self):
        self.world.pass_time(self.rng.choice((1, 3, 20, 90, 400, 2000)), step=self.rng.choice((1, 5, 30)))

    def act(self, name):
        if name in {"change", "tie", "delete", "wake", "race"} and not self.made:
            return
        try:
            getattr(self, name)()
        except EdgeError as error:
            name = f"{name} ({error.code})"
        self.log.append(name)
        at_once = {row_id: most for row_id, most in self.world.boxes.most_ever_there.items() if most > 1}
        assert not at_once, f"{at_once} after {self.log}"
        assert not self.world.boxes.overlaps, f"{self.world.boxes.overlaps} after {self.log}"

    def rest(self):
        """The provider works, and time passes: longer than all deadlines and looks."""
        boxes = self.world.boxes
        boxes.is_down = False
        boxes.faults.clear()
        self.world.seconds_left = 60
        self.world.pass_time(2 * 3600 + 600, step=30)
        self.world.driver.index_lag(0)
        self.world.pass_time(120, step=30)

    def check(self):
        rows = self.world.rows()
        there = self.world.boxes.there()
        things = [
            Tagged(tenant=box.tags["tenant"], resource_id=box.tags["resource"], external_id=box.id) for box in there
        ]
        check_rest(
            rows,
            things,
            lambda tenant, quota: self.world.platform.quotas.used(tenant, [quota])[quota],
            self.world.claims(),
            self.planted,
        )
        assert self.planted <= {box.id for box in there} | {box for box in self.planted if self.was_hit(box)}
        for row in rows:
            assert row.id not in self.deleted or row.state is State.GONE, f"{row.name} was deleted and is {row.state}"
        left = {box.tags["resource"] for box in there} & self.deleted
        assert not left, f"of the deleted are left: {left}"

    def was_hit(self, box_id):
        """Whether a stranger came to harm by the test itself."""
        return all(box.id != box_id or not box.is_there for box in self.world.boxes.boxes())


ALL = (
    "create",
    "create",
    "change",
    "tie",
    "delete",
    "fault",
    "fault",
    "outage",
    "happen",
    "plant",
    "lag",
    "lose",
    "wake",
)
TIME = ("work", "work", "wait", "wait", "race")


@given(st.integers(0, 2**32), st.lists(st.sampled_from((*ALL, *TIME)), min_size=4, max_size=ACTIONS))
@settings(max_examples=EXAMPLES)
@example(1, ["create", "fault", "work", "delete", "wait"])
def test_history_ends_in_what_its_rows_say(seed, actions):
    history = History(seed)
    for name in ("create", *actions):
        history.act(name)
    history.rest()
    try:
        history.check()
    except AssertionError as error:
        raise AssertionError(f"{error}; history: {', '.join(history.log)}") from error
