"""The same facts give the same rows, in any order, in any batches, however often they come."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.fleet.facts import EXECUTION_ENDED, LOGIN_REFUSED, METRICS_PUSHED, NODE_STATUS_CHANGED
from chalicelib.kit.clock import to_microseconds_text
from chalicelib.kit.tables import Tables
from chalicelib.machines.analytics.facts import entry_of
from chalicelib.machines.analytics.model import Kept
from chalicelib.machines.analytics.owners import Owners
from chalicelib.machines.analytics.queries import Queries
from chalicelib.machines.analytics.recording import Recorder
from chalicelib.machines.analytics.store import EVENTS, INSTANCES, OWNERS, PERIODS
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.events.facts import Fact
from tests.support.fakes.clock import START, FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

NODE = "019a5f3e-7b1c-7d2e-9a4f-3c5d6e7f8a9b"
KEPT = Kept(timedelta(days=90), timedelta(days=400))
TABLES = (OWNERS, INSTANCES, EVENTS, PERIODS)

CONTENTS = st.one_of(
    st.builds(
        lambda outcome, seconds: (
            EXECUTION_ENDED,
            {"command_id": "c", "outcome": outcome, "was_run": True, "run_seconds": seconds, "output_bytes": 3},
        ),
        st.sampled_from(["succeeded", "failed", "cancelled", "expired"]),
        st.integers(0, 100),
    ),
    st.just((LOGIN_REFUSED, {"auth_method": "password"})),
    st.builds(lambda load: (METRICS_PUSHED, {"load": load}), st.floats(0, 10)),
    st.builds(
        lambda before, after: (NODE_STATUS_CHANGED, {"previous_status": before, "status": after, "version": 3}),
        st.sampled_from(["healthy", "unreachable"]),
        st.sampled_from(["healthy", "unreachable", "unhealthy"]),
    ),
)
MINUTES = st.integers(0, 60 * 50)
"""Two days, so that hours and days are crossed."""


def entries_of(contents):
    """Entries of facts of one node, each of its own time and id."""
    return [
        entry_of(
            Fact(
                f"fact-{number}",
                kind,
                to_microseconds_text(START + timedelta(minutes=minute, microseconds=number)),
                {"node_id": NODE, **data},
            )
        )
        for number, (minute, (kind, data)) in enumerate(contents)
    ]


class History:
    """Analytics of one node."""

    def __init__(self):
        self.clock = FakeClock(START + timedelta(days=3))
        self.driver = FakeDynamo(TABLES, self.clock)
        tables = Tables(self.driver, self.clock, FakeIds())
        self.recorder = Recorder(tables.scoped, self.clock, Owners(tables, lambda _: None), KEPT)
        self.queries = Queries(tables.scoped(DEFAULT_TENANT), None, self.clock, lambda _: None, KEPT)

    def rows(self):
        """Without the stamps of writes, in which repeats differ."""
        return {
            table.name: sorted(
                (
                    {name: value for name, value in row.items() if name not in {"changed_by", "version"}}
                    for row in self.driver.rows(table)
                ),
                key=str,
            )
            for table in TABLES
        }


@settings(max_examples=40, deadline=None)
@given(contents=st.lists(st.tuples(MINUTES, CONTENTS), min_size=1, max_size=30), data=st.data())
def test_facts_in_any_order_and_number_give_the_same_rows(contents, data):
    entries = entries_of(contents)
    straight, mixed = History(), History()
    for entry in entries:
        straight.recorder.record([entry])

    again = data.draw(st.lists(st.sampled_from(entries), max_size=20))
    told = data.draw(st.permutations([*entries, *again]))
    new = 0
    while told:
        size = data.draw(st.integers(1, 25))
        new += mixed.recorder.record(told[:size])
        told = told[size:]

    assert new == len(entries)
    assert mixed.rows() == straight.rows()


@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.tuples(MINUTES, CONTENTS), min_size=1, max_size=30))
def test_hours_add_up_to_days_and_to_what_was_told(contents):
    history = History()
    entries = entries_of(contents)
    history.recorder.record(entries)

    sums = {}
    for row in history.driver.rows(PERIODS):
        unit = row["period"].partition("#")[0]
        for name, value in row.items():
            if isinstance(value, int) and name not in {"version", "expires_epoch"}:
                sums[name, unit] = sums.get((name, unit), 0) + value
    for name in {name for name, _ in sums}:
        assert sums[name, "hour"] == sums[name, "day"]
    assert sum(value for (name, unit), value in sums.items() if unit == "day" and name.startswith("n_")) == len(entries)
    assert sums.get(("run_seconds", "day"), 0) == sum(entry.figures.get("run_seconds", 0) for entry in entries)
