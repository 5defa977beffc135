"""A bill equals what an accountant makes of the states of resources, which it writes down by itself.

Marks come twice, late, in any order and in parallel; workers crash between any two writes; a day is replayed.
"""

from contextlib import suppress
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.tables import Tables
from chalicelib.platform.billing.model import Mark
from chalicelib.platform.billing.queues import METERING
from chalicelib.platform.billing.service import Bills, Metering
from chalicelib.platform.billing.store import INTERVALS
from chalicelib.platform.billing.wiring import bills_of
from chalicelib.platform.provisioning.model import Charge, Power, Seen, State
from chalicelib.platform.provisioning.store import RESOURCES
from tests.support.accountant import Accountant
from tests.support.declared import WORKERS
from tests.support.fakes.clock import START, FakeClock, FakeIds
from tests.support.fakes.dynamo import Crash, FakeDynamo
from tests.support.provisioning import BoxWorld
from tests.support.world import RELAY, sqs_record

SIZES = ("local-small", "ubuntu-small")
CHARGES = (*(("instance", size, 1) for size in SIZES), ("volume", "gp3", 8))
NEVER = 1_000_000_000


class Ledger:
    """Metering and bills on tables of their own."""

    def __init__(self):
        self.clock = FakeClock(START + timedelta(days=5))
        self.driver = FakeDynamo([INTERVALS], self.clock)
        tables = Tables(self.driver, self.clock, FakeIds())
        self.metering = Metering(tables.scoped)
        self.bills = Bills(tables.scoped, self.clock)

    def amounts(self, tenant, start, end):
        return self.bills.summary(tenant, start, end).amounts


SECONDS = st.integers(0, 4 * 24 * 3600)


def marks_of(lives):
    """The marks of resources, and the accountant who has seen their states. Their versions have gaps."""
    accountant, marks = Accountant(), []
    for number, (tenant, life) in enumerate(lives):
        for step, (second, charge) in enumerate(sorted(life, key=lambda one: one[0])):
            at = START + timedelta(seconds=second)
            accountant.write_down(tenant, number, step, at, charge)
            told = dict(zip(("charge_type", "charge_size", "units"), charge or (), strict=False))
            marks.append(
                Mark(
                    tenant=tenant,
                    resource_id=f"r-{number}",
                    kind="instance",
                    owner="u",
                    version=3 * step + 1,
                    at=to_seconds_text(at),
                    **told,
                )
            )
    return marks, accountant


LIVES = st.lists(
    st.tuples(
        st.sampled_from(["one", "two"]),
        st.lists(st.tuples(SECONDS, st.sampled_from([None, *CHARGES])), min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(lives=LIVES, data=st.data())
def test_bill_is_the_accountants_whatever_order_marks_come_in(lives, data):
    marks, accountant = marks_of(lives)
    ledger = Ledger()
    again = data.draw(st.lists(st.sampled_from(marks), max_size=6))
    for mark in data.draw(st.permutations([*marks, *again])):
        ledger.driver.crash_after(data.draw(st.sampled_from([1, 2, 3, NEVER])))
        try:
            ledger.metering.note(mark)
        except Crash:
            ledger.driver.crash_after(NEVER)
            ledger.metering.note(mark)
        ledger.driver.crash_after(NEVER)

    first, second = sorted((data.draw(SECONDS), data.draw(SECONDS) + 1))
    start, end = START + timedelta(seconds=first), START + timedelta(seconds=second + 1)
    for tenant in ("one", "two", "three"):
        assert ledger.amounts(tenant, start, end) == accountant.bill(tenant, start, end)


@settings(max_examples=30, deadline=None)
@given(lives=LIVES, seed=st.integers(0, 2**32))
def test_bill_is_the_accountants_with_several_workers_at_once(lives, seed):
    marks, accountant = marks_of(lives)
    ledger, chance = Ledger(), Random(seed)
    chance.shuffle(marks)
    ledger.driver.latency(0.01, Query=chance.choice((0.003, 0.02)), PutItem=chance.choice((0.002, 0.02)))
    for first in range(0, len(marks), 3):
        outcomes = ledger.clock.run_together(
            [lambda mark=mark: ledger.metering.note(mark) for mark in marks[first : first + 3]]
        )
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    for tenant in ("one", "two"):
        span = (START, START + timedelta(days=4, seconds=1))
        assert ledger.amounts(tenant, *span) == accountant.bill(tenant, *span)


def charge_of(box):
    """A box is charged while it is ready and on, by its size."""
    is_on = box.state is State.READY and box.power is Power.ON
    return Charge("instance", SIZES[box.spec["size"] % len(SIZES)]) if is_on else None


class History:
    """Boxes that are made, changed, hit and deleted, with an accountant who watches the table itself."""

    def __init__(self, seed):
        self.rng = Random(seed)
        self.world = BoxWorld(kind={"charge_of": charge_of})
        self.accountant = Accountant()
        self.began = self.world.clock.now()
        self.made = []
        self.world.driver.on_write = self.watch

    def watch(self, _operation, plan):
        """Write down the state of a box as its row says it, at the row's own time."""
        for write, _key, _old, row in plan:
            if write.table.name == RESOURCES.name and row is not None:
                is_on = (row["state"], row["power"]) == ("ready", "on")
                size = SIZES[int(row["spec"].split(":")[1].rstrip("}")) % len(SIZES)]
                at = parse_time(row["changed_by"]["at"]).replace(microsecond=0)
                charge = ("instance", size, 1) if is_on else None
                self.accountant.write_down(row["tenant"], row["id"], row["version"], at, charge)

    def create(self):
        box = self.world.create(f"b-{len(self.made)}", tenant=self.rng.choice(("one", "two")), spec={"size": 1})
        self.made.append(box)

    def change(self):
        change = self.rng.choice(
            ({"power": Power.OFF}, {"power": Power.ON}, {"spec": {"size": self.rng.randint(2, 9)}})
        )
        self.world.change(self.rng.choice(self.made), **change)

    def delete(self):
        self.world.delete(self.rng.choice(self.made))

    def happen(self):
        if there := self.world.boxes.there():
            self.world.boxes.become(self.rng.choice(there).id, self.rng.choice((Seen.STOPPED, Seen.READY, Seen.ENDED)))

    def work(self):
        crash_after = self.rng.randint(1, 6) if self.rng.random() < 0.4 else None
        self.world.settle(twice=self.rng.random() < 0.5, crash_after=crash_after)

    def wait(self):
        self.world.pass_time(self.rng.choice((3, 90, 400, 4000)), step=self.rng.choice((1, 30)))

    def act(self, name):
        with suppress(EdgeError):
            getattr(self, name)()

    def replay(self, since, until):
        """The stream of resources between two positions comes again, in batches of any size, and marks in any order."""
        records = self.world.driver.records(RESOURCES, since)[:until]
        while records:
            size = self.rng.randint(1, 30)
            self.world.call(RELAY, {"Records": records[:size]})
            records = records[size:]
        marks = self.world.queue_client.take(METERING)
        self.rng.shuffle(marks)
        for mark in marks:
            self.world.call(WORKERS[METERING], {"Records": [sqs_record(mark)]})

    def check(self):
        end = self.world.clock.now().replace(microsecond=0)
        later = (self.began + (end - self.began) / 3).replace(microsecond=0)
        for tenant in ("one", "two"):
            for start in (self.began, later):
                bill = bills_of(self.world.platform).summary(tenant, start, end)
                assert bill.amounts == self.accountant.bill(tenant, start, end)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    actions=st.lists(
        st.sampled_from(("create", "change", "change", "delete", "happen", "work", "wait", "wait")),
        min_size=6,
        max_size=25,
    ),
)
def test_bill_of_any_history_is_the_accountants_also_after_a_replay(seed, actions):
    history = History(seed)
    for name in ("create", "wait", *actions):
        history.act(name)
    history.world.pass_time(60, step=30)
    history.check()
    history.replay(history.rng.randint(0, 20), history.rng.randint(5, 400))
    history.check()
